// Promises a PNG of an SVG that looks the same on every machine: drawn by resvg with the fonts that lie in assets/, no others.
// Leaves making the SVG to picture-svg.ts.
import { Resvg } from "@resvg/resvg-js";
import { pathOf } from "../runtime.ts";

const fonts = ["Regular", "Bold"].map((face) => `DejaVuSansCondensed-${face}.ttf`);
const family = "DejaVu Sans Condensed";

/** @param scale pixels for each unit of the SVG */
export function renderPng(svg: string, scale = 2): Uint8Array {
  const image = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    font: {
      fontFiles: fonts.map((name) => pathOf(new URL(`./assets/${name}`, import.meta.url))),
      loadSystemFonts: false,
      defaultFontFamily: family,
      sansSerifFamily: family,
    },
  });
  return new Uint8Array(image.render().asPng());
}
