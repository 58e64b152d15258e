// Promises a picture as one SVG that needs nothing else: panels side by side, legends, notes, and gaps that say so.
// Leaves the content of a panel to panels/ and PNG to png.ts.
import { diagramPanel } from "./panels/diagram.ts";
import { barsPanel, curvesPanel, legendOf, spansPanel } from "./panels/plot.ts";
import { escaped, faint, fontFamily, fontSize, hatchings, ink, px, widthOf } from "./panels/styles.ts";
import type { Panel, Picture } from "./picture.ts";
import { wrap } from "./view.ts";

const margin = 14;
const between = 14;
const titleHeight = 18;

/** Width of a panel by how many stand side by side. */
const panelWidth = (columns: number) => columns === 1 ? 660 : columns === 2 ? 370 : 262;
const panelHeight = { curves: 210, bars: 150, spans: 240, diagram: 120 };

interface Part {
  svg: string;
  height: number;
}

const at = (x: number, y: number, svg: string) =>
  svg === "" ? "" : `<g transform="translate(${px(x)},${px(y)})">${svg}</g>`;

function text(lines: readonly string[], size: number, colour = ink): Part {
  const line = size + 4;
  return {
    svg: lines.map((each, i) =>
      `<text y="${px((i + 1) * line - 4)}" font-size="${size}" fill="${colour}">${escaped(each)}</text>`
    )
      .join(""),
    height: lines.length * line,
  };
}

function content(panel: Panel, width: number): Part {
  const height = panelHeight[panel.kind];
  if (panel.gap !== undefined) {
    const box = `<rect x="40" y="8" width="${width - 52}" height="${
      height - 40
    }" fill="#f6f8fa" stroke="${faint}" stroke-dasharray="4 4"/>`;
    const words = `<text x="${px(40 + (width - 52) / 2)}" y="${
      px(8 + (height - 40) / 2)
    }" text-anchor="middle" fill="${faint}">gap: ${escaped(panel.gap)}</text>`;
    return { svg: box + words, height };
  }
  switch (panel.kind) {
    case "curves":
      return { svg: curvesPanel(panel, { width, height }), height };
    case "bars":
      return { svg: barsPanel(panel, { width, height }), height };
    case "spans":
      return { svg: spansPanel(panel, { width, height }), height };
    case "diagram":
      return diagramPanel(panel, width);
  }
}

function panelPart(panel: Panel, width: number): Part {
  const { svg, height } = content(panel, width);
  const legend = legendOf(panel.legend ?? [], width - 44);
  return {
    svg:
      `<text x="${px(width / 2)}" y="13" text-anchor="middle" font-weight="bold">${
        escaped(panel.title)
      }</text>` +
      at(0, titleHeight, svg) + at(44, titleHeight + height + 2, legend.svg),
    height: titleHeight + height + (legend.height > 0 ? legend.height + 8 : 0),
  };
}

/** @param missing lines below the picture that say which runs would fill its gaps */
export function renderPicture(picture: Picture, missing: readonly string[] = []): string {
  const { columns, panels, title } = picture;
  const wide = panels.every(({ kind }) => kind === "diagram") ? 440 : panelWidth(columns);
  const width = 2 * margin + columns * wide + (columns - 1) * between;
  const inner = width - 2 * margin;
  const body: string[] = [];
  let y = margin;
  const stack = ({ svg, height }: Part, space: number, x = margin) => {
    if (height === 0) return;
    body.push(at(x, y, svg));
    y += height + space;
  };
  stack(legendOf(picture.legend, inner), 8);
  for (let from = 0; from < panels.length; from += columns) {
    const row = panels.slice(from, from + columns).map((panel) => panelPart(panel, wide));
    row.forEach(({ svg }, i) => body.push(at(margin + i * (wide + between), y, svg)));
    y += Math.max(...row.map(({ height }) => height)) + between / 2;
  }
  const small = fontSize - 1;
  const characters = Math.floor(inner / widthOf("x", small));
  stack(text(picture.notes.flatMap((note) => wrap(note, characters)), small), 4);
  stack(text(missing.flatMap((note) => wrap(note, characters, "  ")), small, "#8a5a00"), 4);
  const height = Math.ceil(y + margin - 4);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" ` +
    `font-family="${fontFamily}" font-size="${fontSize}" fill="${ink}">`,
    `<title>${escaped(title)}</title>`,
    `<defs>${hatchings()}</defs>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}
