// Promises colours from little to much whose lightness rises evenly, so that they are in order for every eye, in grey and in print.
// Leaves the page's other colours to style.ts.

/** Colours of a picture; a screen shows no finer ones side by side. */
export const levels = 24;

// From dark violet over teal to light yellow: lightness and hue of OKLCH, as chromatic as sRGB allows up to `most`.
const [darkest, lightest] = [0.3, 0.93];
const [firstHue, lastHue] = [298, 103];
const most = 0.15;

const gamma = (value: number) => value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;

/** sRGB of a colour in OKLCH (Björn Ottosson, "A perceptual color space for image processing", 2020); outside 0 … 1 it cannot be shown. */
function srgb(lightness: number, chroma: number, hue: number): number[] {
  const [a, b] = [Math.cos, Math.sin].map((of) => chroma * of(hue * Math.PI / 180));
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map(gamma);
}

/** @param share from 0 to 1; gives red, green, blue from 0 to 1 */
export function colourOf(share: number): [number, number, number] {
  const lightness = darkest + share * (lightest - darkest);
  const hue = firstHue + share * (lastHue - firstHue);
  const fits = (chroma: number) => srgb(lightness, chroma, hue).every((value) => value >= 0 && value <= 1);
  let [chroma, tooMuch] = [0, most];
  if (fits(most)) chroma = most;
  for (let i = 0; i < 16 && chroma < most; i++) {
    const middle = (chroma + tooMuch) / 2;
    if (fits(middle)) chroma = middle;
    else tooMuch = middle;
  }
  const found = srgb(lightness, chroma, hue);
  return found.map((value) => Math.min(1, Math.max(0, value))) as [number, number, number];
}

export const levelOf = (share: number): number => Math.min(levels - 1, Math.floor(share * levels));

const middles = Array.from({ length: levels }, (_, level) => colourOf((level + 0.5) / levels));
const hex = (colour: readonly number[]) =>
  `#${colour.map((value) => Math.round(value * 255).toString(16).padStart(2, "0")).join("")}`;

/** The levels' colours, each that of its middle. */
export const levelColours: readonly string[] = middles.map(hex);

/** Relative luminance (WCAG 2.2) of red, green, blue from 0 to 1. */
export function luminance(colour: readonly number[]): number {
  const linear = colour.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

/** From this level on a black mark is seen better than a white one: (Y + 0.05)² > 1.05 · 0.05. */
export const firstLight: number = middles.findIndex((colour) =>
  (luminance(colour) + 0.05) ** 2 > 1.05 * 0.05
);

export const scaleCss = levelColours.map((colour, level) => `.h${level}{stroke:${colour}}`).join("") +
  `.legend i{background:linear-gradient(90deg,${levelColours.join()})}`;
