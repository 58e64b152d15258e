// Promises: a picture is the same SVG on every runtime (a stored digest), and a PNG of it has its size and its text.
// Leaves what a figure shows to figures.test.ts. After a wanted change of the drawing: look at the new pictures, then store the
// digests that the failure prints.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lanesOf } from "../../repro/render/panels/diagram.ts";
import { curvesPanel, legendOf, powerOf } from "../../repro/render/panels/plot.ts";
import type { Panel, Picture } from "../../repro/render/mod.ts";
import { renderPicture } from "../../repro/render/picture-svg.ts";
import { renderPng } from "../../repro/render/png.ts";
import { sha256 } from "../../repro/spec/mod.ts";

const test = suite("picture");

const panels: Record<string, Panel> = {
  curves: {
    kind: "curves",
    title: "curves",
    x: { label: "update" },
    y: { label: "tr(F)" },
    curves: [
      {
        style: 0,
        points: [0, 1, 2, 3, 4].map((x) => ({
          x,
          y: 1e-5 * x ** 2,
          low: 0.9e-5 * x ** 2,
          high: 1.1e-5 * x ** 2,
        })),
      },
      { style: 1, points: [0, 1, 2, 3, 4].map((x) => ({ x, y: 1e-5 * (8 - x) })) },
    ],
    legend: [{ label: "a group of its own", style: 0, sample: "solid" }],
  },
  seconds: {
    kind: "curves",
    title: "two kinds of curves",
    x: { label: "update", domain: [0, 4], ticks: [0, 2, 4] },
    y: { label: "share", domain: [0, 1] },
    curves: Array.from({ length: 9 }, (_, style) => ({
      style,
      second: style % 2 === 1,
      points: [0, 1, 2, 3, 4].map((x) => ({ x, y: (x + style) / 13 })),
    })),
  },
  bars: {
    kind: "bars",
    title: "bars & gaps",
    y: { label: "points" },
    groups: [
      {
        label: "<one>",
        bars: [{ style: 0, value: -1.5, spread: 0.5, count: "n = 1, 4" }, {
          style: 1,
          value: null,
          why: "lost",
        }, {
          style: 2,
          value: 2,
        }],
      },
      { label: "two", bars: [{ style: 0, value: 0 }, { style: 1, value: 0.25 }, { style: 2, value: -0.01 }] },
    ],
  },
  spans: {
    kind: "spans",
    title: "spans",
    x: { label: "update / k", domain: [0, 3] },
    rows: [{ label: "layer 1", from: 0, mark: "0" }, { label: "layer 0", from: 2, mark: "24" }, {
      label: "never",
      from: null,
    }],
  },
  diagram: {
    kind: "diagram",
    title: "diagram",
    boxes: [
      { lines: ["first"], style: "frozen" },
      { lines: ["second", "2 → 1"], style: "trained", frame: "twice" },
      { lines: ["add"], style: "sum", frame: "twice" },
      { lines: ["last"], style: "frozen" },
    ],
    skips: [{ from: 0, to: 2 }, { from: -1, to: 3 }],
  },
  gap: {
    kind: "spans",
    title: "nothing",
    gap: "no finished run",
    x: { label: "", domain: [0, 1] },
    rows: [],
  },
};

const picture = (chosen: Panel[], columns = 1): Picture => ({
  title: "A picture",
  columns,
  panels: chosen,
  legend: [
    { label: "line", style: 0, sample: "line" },
    { label: "second", style: 1, sample: "second" },
    { label: "bar", style: 2, sample: "bar" },
  ],
  notes: ["A note with ± × → ⁻⁵ and é."],
});

const digests: Record<string, string> = {
  curves: "80a2be7cb8139f16",
  seconds: "5a1d03e922262ab5",
  bars: "de81e0977ed4142d",
  spans: "a1bc37b385bb05cb",
  diagram: "9756913759f4ac78",
  gap: "3f86bd757384345f",
  all: "428ffcfba11ed044",
};

const svgOf = (name: string) =>
  name === "all"
    ? renderPicture(picture(Object.values(panels), 3), ["missing: a run", "missing: another"])
    : renderPicture(picture([panels[name]]));

test("every kind of panel is the SVG that was looked at", async () => {
  const found: Record<string, string> = {};
  for (const name of Object.keys(digests)) found[name] = (await sha256(svgOf(name))).slice(0, 16);
  assert.equal(found, digests);
});

test("a picture does not depend on what was drawn before it", () => {
  const first = svgOf("all");
  svgOf("bars");
  assert.is(svgOf("all"), first);
});

test("an SVG is whole: well-formed, no style sheet, no number that is none, texts escaped", () => {
  const svg = svgOf("all");
  for (const word of ["NaN", "undefined", "Infinity", "<style", "class="]) assert.not.match(svg, word);
  for (
    const text of ["bars &amp; gaps", "&lt;one&gt;", "gap: no finished run", "missing: another", "(×10⁻⁴)"]
  ) {
    assert.match(svg, text);
  }
  const open: string[] = [];
  for (const [, closing, name, empty] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (closing) assert.is(open.pop(), name);
    else if (!empty) open.push(name);
  }
  assert.equal(open, []);
});

test("what stands for what is told by more than colour", () => {
  const line = /stroke-dasharray="([^"]+)"/g;
  const dashes = [
    ...legendOf([0, 1, 2, 3, 4, 5, 6, 7].map((style) => ({ label: "", style, sample: "line" })), 900).svg
      .matchAll(line),
  ].map(([, each]) => each);
  // The first is a whole line.
  assert.is(new Set(dashes).size, 7);
  const bars = legendOf([0, 1, 2].map((style) => ({ label: "", style, sample: "bar" })), 900).svg;
  assert.match(bars, 'fill="url(#hatch-1)"');
  assert.match(bars, 'fill="url(#hatch-2)"');
});

test("a PNG has the picture's size, twice, and is not empty; its text is drawn by the shipped font", () => {
  const svg = svgOf("gap");
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!.map(Number);
  const png = renderPng(svg);
  assert.equal([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(png.buffer, png.byteOffset);
  assert.equal([view.getUint32(16), view.getUint32(20)], [2 * width, 2 * height]);
  const text = (words: string) =>
    renderPng(
      `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="30"><text y="20" font-family="DejaVu Sans Condensed">${words}</text></svg>`,
    ).length;
  const empty = text("");
  for (const words of ["standard", "tr(F) ⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "± × → − ·", "Vulić é ö"]) {
    assert.ok(text(words) > empty + 100, words);
  }
});

test("large and small numbers have a power of ten on the axis", () => {
  assert.equal([0, 1, 0.01, 0.0099, 3e-5, 999, 12345].map(powerOf), [0, 0, 0, -3, -5, 0, 4]);
});

test("a band ends where its axis ends", () => {
  const [low, high] = [-3, 9];
  const svg = (y: number[]) =>
    curvesPanel({
      ...{ kind: "curves", title: "", x: { label: "" }, y: { label: "", domain: [0, 4] } },
      curves: [{ style: 0, points: [0, 1].map((x) => ({ x, y: 2, low: y[0], high: y[1] })) }],
    }, { width: 200, height: 200 });
  assert.is(svg([low, high]), svg([0, 4]));
  assert.is.not(svg([low, high]), svg([1, 3]));
});

test("connections that pass the same box have lanes of their own, the short one inside", () => {
  assert.equal(lanesOf([{ from: 0, to: 5 }, { from: 1, to: 3 }, { from: 3, to: 5 }]), [1, 0, 0]);
});

test.run();
