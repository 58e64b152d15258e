// Promises the public surface of rendering, and nothing else.
export { renderMarkdown } from "./markdown.ts";
export { renderSvg } from "./svg.ts";
export { painter, renderText } from "./text.ts";
export { plain, wrap } from "./view.ts";
export type { Block, Line, Piece, TableView, Tone, ViewRow } from "./view.ts";
