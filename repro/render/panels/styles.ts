// Promises how numbered styles look: colours that the colour-blind can tell apart, and for each also dashes, a symbol and a hatching.
// Leaves which style stands for what to the pictures.

export const ink = "#1f2328";
export const faint = "#6a737d";
export const hair = "#c9d1d9";
export const fontFamily = "'DejaVu Sans Condensed', 'DejaVu Sans', Verdana, sans-serif";
export const fontSize = 11;

interface Style {
  colour: string;
  dashes: string;
  symbol: "circle" | "square" | "triangle" | "diamond" | "wye" | "star" | "cross" | "times";
  /** Of bars: lines of the pattern in a tile of 6 × 6; none is a full bar. */
  hatch: string | null;
}

// Colours of Okabe and Ito (2008), without their yellow, which is too light for lines.
const styles: readonly Style[] = [
  { colour: "#0072b2", dashes: "none", symbol: "circle", hatch: null },
  { colour: "#d55e00", dashes: "7 3", symbol: "square", hatch: "M-1,1L1,-1M0,6L6,0M5,7L7,5" },
  { colour: "#009e73", dashes: "2 2", symbol: "triangle", hatch: "M0,3H6M3,0V6" },
  { colour: "#a4457a", dashes: "9 3 2 3", symbol: "diamond", hatch: "M0,1.5H6M0,4.5H6" },
  { colour: "#56b4e9", dashes: "12 3", symbol: "star", hatch: "M1.5,0V6M4.5,0V6" },
  { colour: "#b8860b", dashes: "4 4", symbol: "wye", hatch: "M-1,5L1,7M0,0L6,6M5,-1L7,1" },
  { colour: "#000000", dashes: "1 3", symbol: "cross", hatch: "M0,0L6,6M0,6L6,0" },
  { colour: "#7f7f7f", dashes: "5 2 1 2", symbol: "times", hatch: "M0,3H6" },
];

export const styleOf = (number: number): Style => styles[number % styles.length];

/** What a bar of a style is filled with. */
export const fillOf = (number: number): string =>
  styleOf(number).hatch === null ? styleOf(number).colour : `url(#hatch-${number % styles.length})`;

/** Definitions of the hatchings. */
export const hatchings = (): string =>
  styles.map(({ colour, hatch }, number) =>
    hatch === null
      ? ""
      : `<pattern id="hatch-${number}" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#ffffff"/>` +
        `<path d="${hatch}" stroke="${colour}" stroke-width="1.3" fill="none"/></pattern>`
  ).join("");

export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** About as wide as a text is drawn, rather more than less. */
export const widthOf = (text: string, size = fontSize): number => [...text].length * size * 0.53;

/** One decimal is enough for a screen, and the same text on every machine. */
export const px = (value: number): string => String(Math.round(value * 10) / 10);
