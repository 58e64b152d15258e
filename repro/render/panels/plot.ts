// Promises panels of curves, bars and spans as SVG, by Observable Plot on a document of linkedom: the same text on every runtime.
// Leaves where a panel stands, its title and its legend to picture-svg.ts.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { BarsPanel, Curve, CurvesPanel, LegendEntry, SpansPanel } from "../picture.ts";
import { faint, fillOf, fontFamily, fontSize, hair, ink, styleOf, widthOf } from "./styles.ts";

export interface Size {
  width: number;
  height: number;
}

let document: Document | undefined;

/** Plot's picture without its style sheet, whose class names other programs do not know. */
function drawn(options: Plot.PlotOptions): string {
  document ??= parseHTML("<!doctype html><html><body></body></html>").document as unknown as Document;
  return Plot.plot({ ...options, document }).outerHTML
    .replace(/<style>[^]*?<\/style>/g, "")
    .replace(/ class="[^"]*"/g, "")
    .replace(/ aria-(?:label|hidden|description)="[^"]*"/g, "")
    .replace(/font-family="[^"]*"/, `font-family="${fontFamily}"`)
    .replace(/font-size="10"/, `font-size="${fontSize - 1}"`)
    .replaceAll("currentColor", ink)
    // More digits than a screen has would differ where arithmetic does.
    .replace(/-?\d+\.\d{3,}/g, (number) => String(Math.round(Number(number) * 100) / 100));
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Powers of ten that are not written at every tick: 0.00002 is 2, in ×10⁻⁵. */
export function powerOf(largest: number): number {
  const power = largest > 0 ? Math.floor(Math.log10(largest)) : 0;
  return power < -2 || power > 3 ? power : 0;
}

const powerText = (power: number) =>
  power === 0
    ? ""
    : ` (×10${power < 0 ? "⁻" : ""}${
      [...String(Math.abs(power))].map((d) => superscripts[Number(d)]).join("")
    })`;

const short = (value: number) => String(Number(value.toPrecision(6))).replace("-", "−");

const axis = { labelAnchor: "center", labelArrow: "none", tickSize: 4, tickFormat: short } as const;

/** Symbols on about seven points of a curve, not on the same ones as its neighbours'. */
function marked(curve: Curve): Curve["points"] {
  const { points, style } = curve;
  const every = Math.max(1, Math.ceil(points.length / 7));
  const first = Math.floor((style + (curve.second ? 0.5 : 0)) * every * 0.618) % every;
  return points.filter((_, i) => i % every === first);
}

function curveMarks(curve: Curve, dashes: string): Plot.Markish[] {
  const { colour, symbol } = styleOf(curve.style);
  const banded = curve.points.filter(({ low, high }) => low !== undefined && high !== undefined);
  return [
    ...(banded.length > 0
      ? [Plot.areaY(banded, { x: "x", y1: "low", y2: "high", fill: colour, fillOpacity: 0.16 })]
      : []),
    Plot.lineY(curve.points, {
      x: "x",
      y: "y",
      stroke: colour,
      strokeWidth: curve.second ? 1.3 : 1.7,
      strokeDasharray: dashes,
    }),
    Plot.dot(marked(curve), {
      x: "x",
      y: "y",
      symbol,
      r: 3,
      fill: curve.second ? "#ffffff" : colour,
      stroke: colour,
      strokeWidth: 1.2,
    }),
  ];
}

export function curvesPanel({ x, y, curves }: CurvesPanel, size: Size): string {
  const largest = Math.max(...curves.flatMap(({ points }) => points.map((p) => Math.abs(p.high ?? p.y))));
  const power = y.domain === undefined ? powerOf(largest) : 0;
  // Bands end where the axis ends.
  const [least, most] = y.domain ?? [-Infinity, Infinity];
  const inside = (value: number) => Math.min(most, Math.max(least, value / 10 ** power));
  const scaled = curves.map((curve) => ({
    ...curve,
    points: curve.points.map((point) => ({
      x: point.x,
      y: point.y / 10 ** power,
      ...(point.low === undefined ? {} : { low: inside(point.low) }),
      ...(point.high === undefined ? {} : { high: inside(point.high) }),
    })),
  }));
  const hasSecond = curves.some(({ second }) => second);
  return drawn({
    ...size,
    marginLeft: 40,
    marginRight: 12,
    marginBottom: 34,
    marginTop: 10,
    x: { ...axis, label: x.label, ...domainOf(x), ...(x.ticks ? { ticks: [...x.ticks] } : { ticks: 5 }) },
    y: {
      ...axis,
      label: `${y.label}${powerText(power)}`,
      ...domainOf(y),
      ...(y.ticks ? { ticks: [...y.ticks] } : { ticks: 5 }),
      ...(y.domain === undefined ? { zero: true, nice: true } : {}),
    },
    marks: [
      Plot.gridY({ stroke: hair, strokeOpacity: 1, ...(y.ticks ? { ticks: [...y.ticks] } : { ticks: 5 }) }),
      Plot.frame({ stroke: faint }),
      ...scaled.flatMap((curve) =>
        curveMarks(curve, hasSecond ? (curve.second ? "4 3" : "none") : styleOf(curve.style).dashes)
      ),
    ],
  });
}

const domainOf = ({ domain }: { domain?: readonly [number, number] }) =>
  domain === undefined ? {} : { domain: [...domain] };

export function barsPanel({ y, groups }: BarsPanel, size: Size): string {
  const bars = groups.flatMap(({ label: group, bars }) =>
    bars.map((bar, i) => ({ group, place: i, ...bar }))
  );
  const there = bars.flatMap((bar) => bar.value === null ? [] : [{ ...bar, value: bar.value }]);
  const spread = there.filter(({ spread }) => spread !== undefined);
  const label = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
  // Above the bar, or below where it hangs down, beyond its error bar.
  const edge = ({ value, spread = 0 }: { value: number; spread?: number }) =>
    value < 0 ? value - spread : value + spread;
  // A white rim keeps numbers readable over lines.
  const texts = {
    ...{ x: "place", fx: "group", fontSize: 9, fill: ink, stroke: "#ffffff", strokeWidth: 3 },
  } as const;
  const edges = [0, ...there.map(edge)];
  const room = (Math.max(...edges) - Math.min(...edges)) * 0.14;
  const counted = bars.filter(({ count }) => count !== undefined);
  // Between the bars and the groups' names.
  const line = counted.length > 0 ? 11 : 0;
  return drawn({
    ...size,
    // Room for "−10" beside the axis' name.
    marginLeft: 52,
    marginRight: 8,
    marginTop: 12,
    marginBottom: 24 + line,
    x: { axis: null, padding: 0.15, domain: groups[0]?.bars.map((_, i) => i) ?? [] },
    fx: { label: null, axis: null, domain: groups.map(({ label }) => label), padding: 0.08 },
    y: {
      ...axis,
      label: y.label,
      ticks: 5,
      nice: true,
      domain: y.domain ? [...y.domain] : [
        Math.min(...edges) - (Math.min(...edges) < 0 ? room : 0),
        Math.max(...edges) + (Math.max(...edges) > 0 ? room : 0),
      ],
    },
    marks: [
      Plot.gridY({ stroke: hair, strokeOpacity: 1, ticks: 5 }),
      Plot.axisFx({ anchor: "bottom", label: null, dy: line }),
      Plot.text(counted, {
        ...{ x: "place", fx: "group", text: "count", fontSize: 8, fill: ink },
        ...{ frameAnchor: "bottom", dy: 11 },
      }),
      ...[...new Set(there.map(({ style }) => style))].map((style) =>
        Plot.barY(there.filter((bar) => bar.style === style), {
          x: "place",
          y: "value",
          fx: "group",
          fill: fillOf(style),
          stroke: styleOf(style).colour,
          strokeWidth: 1.2,
        })
      ),
      Plot.ruleX(spread, {
        x: "place",
        fx: "group",
        y1: ({ value, spread }) => value - spread!,
        y2: ({ value, spread }) => value + spread!,
        stroke: ink,
        strokeWidth: 1.3,
      }),
      Plot.ruleY([0], { stroke: ink }),
      Plot.text(there.filter(({ value }) => value >= 0), {
        ...texts,
        y: edge,
        text: ({ value }) => label(value),
        dy: -6,
      }),
      Plot.text(there.filter(({ value }) => value < 0), {
        ...texts,
        y: edge,
        text: ({ value }) => label(value),
        dy: 7,
      }),
      Plot.text(bars.filter(({ value }) => value === null), {
        ...texts,
        fill: faint,
        y: () => 0,
        text: ({ why = "none" }) => why,
        rotate: -90,
        textAnchor: "middle",
      }),
    ],
  });
}

export function spansPanel({ x, rows }: SpansPanel, size: Size): string {
  const [start, end] = x.domain;
  const open = rows.filter((row): row is typeof row & { from: number } => row.from !== null);
  const middle = start + (end - start) / 2;
  const { colour } = styleOf(0);
  return drawn({
    ...size,
    marginLeft: 48,
    marginRight: 10,
    marginTop: 4,
    marginBottom: 34,
    x: { ...axis, label: x.label, domain: [start, end], ...(x.ticks ? { ticks: [...x.ticks] } : {}) },
    y: { label: null, domain: rows.map(({ label }) => label), padding: 0.22, tickSize: 0 },
    marks: [
      Plot.barX(rows, { y: "label", x1: () => start, x2: () => end, fill: "#eef1f4", stroke: hair }),
      Plot.barX(open, { y: "label", x1: "from", x2: () => end, fill: colour, stroke: colour }),
      Plot.text(open.filter(({ from, mark }) => mark !== undefined && from <= middle), {
        ...{ y: "label", x: "from", text: "mark", dx: 4, textAnchor: "start" },
        ...{ fill: "#ffffff", fontSize: 9, fontWeight: "bold" },
      }),
      Plot.text(open.filter(({ from, mark }) => mark !== undefined && from > middle), {
        ...{ y: "label", x: "from", text: "mark", dx: -4, textAnchor: "end", fill: ink, fontSize: 9 },
      }),
      Plot.axisX({ ...axis, label: x.label, ...(x.ticks ? { ticks: [...x.ticks] } : {}) }),
    ],
  });
}

const sampleWidth = 30;

/** A legend of at most `width`, in as many lines as it takes; its height is told. */
export function legendOf(entries: readonly LegendEntry[], width: number): { svg: string; height: number } {
  if (entries.length === 0) return { svg: "", height: 0 };
  const line = 16;
  let [x, y] = [0, 0];
  const hasSecond = entries.some(({ sample }) => sample === "second");
  const placed = entries.map((entry) => {
    const wide = sampleWidth + 4 + widthOf(entry.label, fontSize - 1) + 14;
    if (x > 0 && x + wide > width) [x, y] = [0, y + line];
    const at = { ...entry, x, y: y + line / 2 };
    x += wide;
    return at;
  });
  const height = y + line;
  const marks = placed.flatMap((entry): Plot.Markish[] => {
    const { colour, dashes, symbol } = styleOf(entry.style);
    const text = Plot.text([entry], {
      ...{ x: entry.x + sampleWidth + 4, y: entry.y, text: ["label"].map(() => entry.label) },
      ...{ textAnchor: "start" as const, fill: ink },
    });
    if (entry.sample === "bar") {
      const [x1, x2, y1, y2] = [entry.x + 8, entry.x + sampleWidth, entry.y - 5, entry.y + 5];
      return [Plot.rect([entry], { x1, x2, y1, y2, fill: fillOf(entry.style), stroke: colour }), text];
    }
    const second = entry.sample === "second";
    const both = { y1: entry.y, y2: entry.y, x1: entry.x, x2: entry.x + sampleWidth };
    return [
      Plot.link([entry], {
        ...both,
        stroke: colour,
        strokeWidth: 1.6,
        strokeDasharray: second ? "4 3" : hasSecond || entry.sample === "solid" ? "none" : dashes,
      }),
      Plot.dot([entry], {
        ...{ x: entry.x + sampleWidth / 2, y: entry.y, symbol, r: 3 },
        ...{ fill: second ? "#ffffff" : colour, stroke: colour, strokeWidth: 1.2 },
      }),
      text,
    ];
  });
  const svg = drawn({
    ...{ width, height, margin: 0, marginLeft: 0, marginRight: 0, marginTop: 0, marginBottom: 0 },
    x: { type: "identity", axis: null },
    y: { type: "identity", axis: null },
    marks,
  });
  return { svg, height };
}
