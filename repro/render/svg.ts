// Promises a table as an SVG picture of its text form: the same characters, readable in print, marks in colour and shape.
// Leaves the text to text.ts.
import { renderText } from "./text.ts";
import type { TableView } from "./view.ts";

const font = { size: 13, advance: 7.83, line: 17, margin: 16 };
const paper = { background: "#ffffff", ink: "#1f2328" };

/** The terminal's styles in colours that keep their contrast on white. */
interface Style {
  bold: boolean;
  dim: boolean;
  colour: string | null;
}
const colours: Record<number, string> = { 31: "#b3261e", 32: "#1a7f37", 33: "#8a5a00" };

export function renderSvg(view: TableView): string {
  const lines = renderText(view, { width: 100, colour: true }).trimEnd().split("\n").map(styled);
  const columns = Math.max(...lines.map((line) => line.reduce((sum, { text }) => sum + [...text].length, 0)));
  const width = Math.ceil(2 * font.margin + columns * font.advance);
  const height = 2 * font.margin + lines.length * font.line;
  const rows = lines.map((line, index) => {
    let at = 0;
    const spans = line.map(({ text, style }) => {
      const x = (font.margin + at * font.advance).toFixed(1);
      at += [...text].length;
      const attributes = [
        style.bold ? ' font-weight="bold"' : "",
        style.dim ? ' fill-opacity="0.65"' : "",
        style.colour === null ? "" : ` fill="${style.colour}"`,
      ].join("");
      // The length is fixed, so that columns stay in line whatever font is found.
      const length = ([...text].length * font.advance).toFixed(1);
      return text.trim() === ""
        ? ""
        : `<tspan x="${x}" textLength="${length}"${attributes}>${escaped(text)}</tspan>`;
    }).join("");
    const y = font.margin + index * font.line + font.size;
    return spans === "" ? "" : `<text y="${y}">${spans}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(view.title)}</title>`,
    `<rect width="100%" height="100%" fill="${paper.background}"/>`,
    // Browsers collapse spaces in spite of xml:space; other programs know no style sheet.
    `<style>text, tspan { white-space: pre }</style>`,
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="${font.size}" fill="${paper.ink}" xml:space="preserve">`,
    ...rows.filter(Boolean),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/** Splits a line at the terminal's style codes. */
function styled(line: string): { text: string; style: Style }[] {
  const style: Style = { bold: false, dim: false, colour: null };
  const parts: { text: string; style: Style }[] = [];
  // deno-lint-ignore no-control-regex -- the codes begin with the escape character
  for (const piece of line.split(/(\u001b\[\d+m)/)) {
    // deno-lint-ignore no-control-regex -- as above
    const code = /^\u001b\[(\d+)m$/.exec(piece)?.[1];
    if (code === undefined) {
      if (piece !== "") parts.push({ text: piece, style: { ...style } });
      continue;
    }
    const number = Number(code);
    if (number === 1) style.bold = true;
    else if (number === 2) style.dim = true;
    else if (number === 22) style.bold = style.dim = false;
    else if (number === 39 || number === 0) style.colour = null;
    else style.colour = colours[number] ?? style.colour;
  }
  return parts;
}

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
