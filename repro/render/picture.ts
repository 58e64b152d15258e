// Promises one description of a figure, whatever draws it: panels of curves, bars, spans or a diagram, with a legend and notes.
// Leaves its content to the papers and drawing to picture-svg.ts and panels/.
import type { TableRecord } from "./csv.ts";

interface PanelHead {
  title: string;
  /** Drawn in place of the content: why there is none. */
  gap?: string;
  /** Where a panel's curves mean something of its own. */
  legend?: readonly LegendEntry[];
}

export interface Axis {
  label: string;
  /** Ends of the axis; those of the data, with zero, when absent. */
  domain?: readonly [number, number];
  /** Only these are marked. */
  ticks?: readonly number[];
}

/** How something is drawn: a number from 0 on, with its own colour, dashes, symbol and hatching. */
export type StyleNumber = number;

export interface Curve {
  style: StyleNumber;
  points: readonly { x: number; y: number; low?: number; high?: number }[];
  /** Dashed, with hollow symbols: the second kind of curve of one style. */
  second?: boolean;
}

/** Curves over a common axis; low to high is a band around one. */
export interface CurvesPanel extends PanelHead {
  kind: "curves";
  x: Axis;
  y: Axis;
  curves: readonly Curve[];
}

export interface Bar {
  style: StyleNumber;
  /** null: a gap; `why` in a word or two stands in its place. */
  value: number | null;
  /** Half the length of the error bar. */
  spread?: number;
  /** Runs behind the value, in a few characters, written below the bar: "n = 4". */
  count?: string;
  why?: string;
}

/** Groups of bars from zero, up or down. */
export interface BarsPanel extends PanelHead {
  kind: "bars";
  y: Axis;
  groups: readonly { label: string; bars: readonly Bar[] }[];
}

/** A row for each thing, filled from a moment on until the axis ends. */
export interface SpansPanel extends PanelHead {
  kind: "spans";
  x: Axis & { domain: readonly [number, number] };
  /** From the top down; from null: never. */
  rows: readonly { label: string; from: number | null; mark?: string }[];
}

/** A chain of boxes, the first at the bottom, with connections that pass some of them by. */
export interface DiagramPanel extends PanelHead {
  kind: "diagram";
  boxes: readonly {
    /** One or two lines. */
    lines: readonly string[];
    style: "frozen" | "trained" | "sum";
    /** In a common frame with its neighbours of the same name. */
    frame?: string;
  }[];
  /** Boxes by number; from −1: what the chain starts with. */
  skips: readonly { from: number; to: number }[];
}

export type Panel = CurvesPanel | BarsPanel | SpansPanel | DiagramPanel;

export interface LegendEntry {
  label: string;
  style: StyleNumber;
  /** "line" with its dashes and symbol, "solid" where dashes mean something else, the "second" kind of line, or a "bar". */
  sample: "line" | "solid" | "second" | "bar";
}

export interface Picture {
  title: string;
  /** Panels side by side. */
  columns: number;
  panels: readonly Panel[];
  legend: readonly LegendEntry[];
  /** Below the panels: what a reader must know, and what is missing. */
  notes: readonly string[];
}

/** A figure in its two forms: for people, and flat for programs, with one record a point. */
export interface DrawnFigure {
  picture: Picture;
  records: readonly TableRecord[];
}
