// Promises a run's curves, its tr(F) over layers and steps as the flat map that the page has too, and its schedule, as SVG with a title and an axis.
// Leaves which of them a panel shows to main.ts.
import type { ReportCurve, ReportRun } from "../data.ts";
import { heatMapHtml } from "../surface/heat-map.ts";
import type { Surface } from "../surface/surface.ts";
import { element } from "./elements.ts";

const width = 640;
const left = 56;
const right = 12;

function svg(height: number, title: string, content: string): Element {
  const holder = element("div", {});
  const text = title.replace(/[<&>]/g, "");
  holder.innerHTML =
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${text}"><title>${text}</title>${content}</svg>`;
  return holder;
}

const nothing = (what: string) => element("p", { class: "faint" }, `${what}: nothing was logged`);
const short = (value: number) => String(Number(value.toPrecision(3)));
const px = (value: number) => value.toFixed(1);
const text = (x: number, y: number, words: string, anchor = "middle") =>
  `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${words}</text>`;

/** Steps of an axis from `from` to `to`. */
function stepAxis(from: number, to: number, y: number): string {
  const marks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const x = left + part * (width - left - right);
    return `<path class="axis" d="M${px(x)},${y}v4"/>${
      text(x, y + 15, short(Math.round(from + part * (to - from))))
    }`;
  });
  return `<path class="axis" d="M${left},${y}H${width - right}"/>${marks.join("")}${
    text((left + width) / 2, y + 29, "step")
  }`;
}

export function curveSvg({ each, steps, values }: ReportCurve, what: string): Element {
  if (steps.length === 0) return nothing(what);
  const [top, bottom] = [12, 150];
  const [low, high] = [Math.min(0, ...values), Math.max(...values)];
  const [from, to] = [0, Math.max(steps.at(-1)!, 1)];
  const x = (step: number) => left + (step - from) / (to - from) * (width - left - right);
  const y = (value: number) => bottom - (high > low ? (value - low) / (high - low) : 0.5) * (bottom - top);
  const path = steps.map((step, i) => `${i === 0 ? "M" : "L"}${px(x(step))},${px(y(values[i]))}`).join("");
  // Few points are seen as points.
  const dots = steps.length > 30
    ? ""
    : steps.map((step, i) => `<circle class="bar" r="2.5" cx="${px(x(step))}" cy="${px(y(values[i]))}"/>`)
      .join("");
  const marks = [low, (low + high) / 2, high].map((value) =>
    `<path class="axis" d="M${left - 4},${px(y(value))}h4"/>${
      text(left - 7, y(value) + 4, short(value), "end")
    }`
  ).join("");
  const holder = svg(
    184,
    `${what} by step, from ${short(values[0])} to ${short(values.at(-1)!)}`,
    `${
      stepAxis(from, to, bottom)
    }<path class="axis" d="M${left},${top}V${bottom}"/>${marks}<path class="curve" d="${path}"/>${dots}`,
  );
  const note = each > 1 ? `; each point is the mean of ${each} logged values` : "";
  return element("div", {}, element("p", { class: "small" }, `${what}${note}`), holder);
}

/** tr(F) of each layer at each measurement, flat. */
export function heatMap(surface: Surface): Element {
  const holder = element("figure", {});
  holder.innerHTML = heatMapHtml(surface, "");
  return holder;
}

export function scheduleSvg(schedule: ReportRun["schedule"], steps: number): Element {
  if (schedule.length === 0) return nothing("layers opened");
  const opened = new Map(
    schedule.flatMap(({ step, layers }) => layers.map((layer) => [layer, step] as const)),
  );
  const count = Math.max(...opened.keys()) + 1;
  const [top, size, to] = [6, 13, Math.max(steps, ...opened.values(), 1)];
  const x = (step: number) => left + step / to * (width - left - right);
  const rows = Array.from({ length: count }, (_, layer) => {
    const y = top + (count - 1 - layer) * size;
    const from = opened.get(layer);
    const bar = from === undefined
      ? text(left + 4, y + 10, "never", "start")
      : `<rect class="bar" x="${px(x(from))}" y="${y + 2}" width="${
        px(Math.max(1, width - right - x(from)))
      }" height="${size - 4}"><title>layer ${layer}: from step ${from}</title></rect>`;
    return text(left - 6, y + 10, String(layer), "end") + bar;
  });
  const bottom = top + count * size;
  return element(
    "div",
    {},
    element("p", { class: "small" }, "layers, from the step before which each opened"),
    svg(
      bottom + 34,
      `schedule: ${[...opened].map(([layer, step]) => `layer ${layer} from step ${step}`).join(", ")}`,
      rows.join("") + stepAxis(0, to, bottom),
    ),
  );
}
