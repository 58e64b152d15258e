// Promises a surface as a flat map that needs no script: an SVG of steps and layers with its legend, marks of the layers that trained
// already, and every value as a title of its column and in a table. Leaves the surface to surface.ts and turning it to page/.
import { escaped, widthOf } from "../../render/panels/styles.ts";
import { firstLight, levelOf } from "./colour.ts";
import { type LogScale, logScale, tickText, valueText } from "./scale.ts";
import { layersOf, openShare, type Surface } from "./surface.ts";

const left = 34, top = 3, high = 11;

/** At most so many of a row, the first and the last among them. */
export function spread(count: number, most: number): number[] {
  const shown = Math.min(count, most);
  return shown === 1
    ? [0]
    : Array.from({ length: shown }, (_, i) => Math.round(i * (count - 1) / (shown - 1)));
}

/** Cells of one colour are one line; a line is as wide as a cell is high. */
function cellsSvg({ steps, values }: Surface, scale: LogScale, wide: number): string {
  const count = values[0].length;
  const lines = new Map<number, string>();
  for (let layer = 0; layer < count; layer++) {
    const y = top + (count - 1 - layer) * high + high / 2;
    const levels = steps.map((_, step) => {
      const share = scale.share(values[step][layer]);
      return share === null ? null : levelOf(share);
    });
    for (let from = 0; from < levels.length;) {
      const level = levels[from];
      let to = from;
      while (to < levels.length && levels[to] === level) to++;
      if (level !== null) {
        lines.set(level, `${lines.get(level) ?? ""}M${left + from * wide} ${y}h${(to - from) * wide}`);
      }
      from = to;
    }
  }
  return [...lines].sort(([a], [b]) => a - b).map(([level, path]) => `<path class="h${level}" d="${path}"/>`)
    .join("");
}

/** Dots: as wide as the share of runs in which the layer trained, black on light cells, white on dark ones. */
function dotsSvg(surface: Surface, scale: LogScale, wide: number): string {
  const { steps, values } = surface;
  const count = layersOf(surface);
  const dots = new Map<string, string>();
  for (let step = 0; step < steps.length; step++) {
    for (let layer = 0; layer < count; layer++) {
      const part = openShare(surface, step, layer);
      const share = scale.share(values[step][layer]);
      if (part === 0 || share === null) continue;
      const kind = `${levelOf(share) >= firstLight ? "black" : "white"}" stroke-width="${
        Number((Math.min(4, wide - 2) * Math.sqrt(part)).toFixed(1))
      }`;
      const x = left + (step + 0.5) * wide, y = top + (count - 0.5 - layer) * high;
      dots.set(kind, `${dots.get(kind) ?? ""}M${x} ${y}h0`);
    }
  }
  return [...dots].map(([kind, path]) => `<path stroke="${kind}" d="${path}"/>`).join("");
}

function columnTitle({ steps, values }: Surface, step: number): string {
  const lines = values[step].map((value, layer) => `${layer}: ${valueText(value)}`);
  return `before update ${steps[step]}, layer: tr(F)\n${lines.reverse().join("\n")}`;
}

function svg(surface: Surface, scale: LogScale): string {
  const { steps } = surface;
  const count = layersOf(surface);
  const wide = Math.max(5, Math.min(48, Math.floor(330 / steps.length)));
  const right = left + steps.length * wide, bottom = top + count * high;
  const text = (x: number, y: number, words: string | number, anchor = "") =>
    `<text x="${x}" y="${y}"${anchor}>${words}</text>`;
  const layers = spread(count, 12).map((layer) =>
    text(left - 5, top + (count - layer) * high - 1.5, layer, ' class="end"')
  );
  // As many steps are named as have room beside each other.
  const room = widthOf(String(steps.at(-1))) + 6;
  const named = Math.max(2, Math.min(11, Math.floor(steps.length * wide / room)));
  const marks = spread(steps.length, named).map((step) =>
    text(left + (step + 0.5) * wide, bottom + 12, steps[step])
  );
  const titles = steps.map((_, step) =>
    `<rect x="${left + step * wide}" y="${top}" width="${wide}" height="${count * high}"><title>${
      columnTitle(surface, step)
    }</title></rect>`
  );
  const name = `tr(F) of ${count} layer${count === 1 ? "" : "s"} at ${steps.length} step${
    steps.length === 1 ? "" : "s"
  }`;
  // The last step's number and the axis' name may be wider than what they stand under.
  const ends = [right + 8, right + (room - wide) / 2, (left + right + widthOf("before update")) / 2 + 4];
  const width = Math.ceil(Math.max(...ends));
  const height = bottom + 27;
  return `<svg class="map" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${name}">` +
    `<g class="cells">${
      cellsSvg(surface, scale, wide)
    }</g><path class="axis" d="M${left} ${top}H${right}V${bottom}H${left}z"/>` +
    `<g class="dots">${dotsSvg(surface, scale, wide)}</g><g class="titles">${titles.join("")}</g>` +
    layers.join("") + marks.join("") + text((left + right) / 2, bottom + 24, "before update") +
    `<text transform="rotate(-90)" x="${-(top + bottom) / 2}" y="10">layer</text></svg>`;
}

/** "1·10⁻⁵ ▭ 0.2": ends of the scale and its colours between them. */
export const legendHtml = ({ low, high }: Pick<LogScale, "low" | "high">): string =>
  `<p class="legend small">tr(F) <span>${tickText(low)}</span><i></i><span>${
    tickText(high)
  }</span> logarithmic</p>`;

function tableHtml(surface: Surface): string {
  const { steps, values } = surface;
  const rows = Array.from(
    { length: layersOf(surface) },
    (_, layer) =>
      `<tr><th scope="row">${layer}</th>${
        steps.map((_, step) => {
          const trains = openShare(surface, step, layer) > 0 ? "•" : "";
          return `<td>${valueText(values[step][layer])}${trains}`;
        }).join("")
      }`,
  ).reverse();
  return `<details><summary>Its values</summary><div class="scroll" role="region" tabindex="0" aria-label="Values of tr(F)"><table><thead><tr><th scope="col">layer</th>${
    steps.map((step) => `<th scope="col">${step}</th>`).join("")
  }</tr></thead><tbody>${
    rows.join("")
  }</tbody></table></div><p class="small faint">Columns: before which update. • the layer's adapter trained already${
    surface.opened.length > 1 ? ", in one of the runs at least" : ""
  }.</p></details>`;
}

/** @param caption plain text above the map; where nothing can be drawn, a sentence that says so stands below it */
export function heatMapHtml(surface: Surface, caption: string): string {
  const scale = logScale(surface.values.flat());
  const head = caption === "" ? "" : `<figcaption>${escaped(caption)}</figcaption>`;
  return head +
    (scale === null
      ? `<p class="small faint">No value above zero was logged.</p>`
      : svg(surface, scale) + legendHtml(scale)) +
    tableHtml(surface);
}
