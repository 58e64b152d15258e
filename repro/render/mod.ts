// Promises the public surface of rendering but for pictures (picture-svg.ts, png.ts), whose libraries take their time to load.
export { renderCsv, type TableRecord } from "./csv.ts";
export { type Drawn, formatNames, formatOfFile, render } from "./formats.ts";
export { latexText, renderLatex } from "./latex.ts";
export { renderMarkdown } from "./markdown.ts";
export type {
  Bar,
  BarsPanel,
  Curve,
  CurvesPanel,
  DiagramPanel,
  DrawnFigure,
  LegendEntry,
  Panel,
  Picture,
  SpansPanel,
} from "./picture.ts";
export { renderSvg } from "./svg.ts";
export { painter, renderText } from "./text.ts";
export { flowing, plain, wrap } from "./view.ts";
export type { Block, Line, Piece, TableView, Tone, ViewRow } from "./view.ts";
