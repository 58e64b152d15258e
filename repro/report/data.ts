// Promises the form of a report: everything that its page shows, as plain data that fits into JSON.
// Leaves gathering it to gather.ts and the page to html.ts.
import type { AuditReport } from "../audit/mod.ts";
import type { Verdict } from "../checks/mod.ts";
import type { JudgedClaim } from "../claims/mod.ts";
import type { LayoutBlock, Paper } from "../paper/mod.ts";
import type { TableRecord, TableView } from "../render/mod.ts";
import type { Surface } from "./surface/surface.ts";

/** A number of ours beside the paper's, with the runs that it was made from. */
export interface ReportCell {
  row: string;
  column: string;
  /** The column in a reader's words: "XQuAD, average, F1". */
  title: string;
  /** Of a result: "F1". */
  metric?: string;
  /** In a column of the lowest language: its code, ours and the paper's. */
  language?: string;
  paperLanguage?: string;
  /** As shown: "63.48", or text in a table of facts; null: a gap. */
  ours: string | null;
  /** "± 0.22 × 4": spread and number of runs. */
  spread?: string;
  /** What it was judged by, where that is not the paper. */
  reference?: string;
  paper: string | null;
  verdict: Verdict;
  why: string;
  /** How the number follows from one run, or where a fact is found. */
  rule: string;
  /** Where the paper's number was read. */
  read?: string;
  /** Seed, run's id, value; finished runs alone. */
  seeds?: [seed: number, run: string, value: number | null][];
  /** What would make the runs that are missing. */
  command?: string;
}

export interface ReportTable {
  /** Anchor in the page. */
  id: string;
  name: string;
  title: string;
  caption: string;
  heading: string[];
  notes: string[];
  layout: LayoutBlock[];
  /** Titles of rows, and the paper's model behind each where there is one. */
  rows: Record<string, { title: string; model?: string }>;
  cells: ReportCell[];
  /** Which cells notice deliberate faults, where that is stored. */
  power?: TableView;
}

export interface ReportFigure {
  id: string;
  name: string;
  title: string;
  svg: string;
  notes: string[];
  missing: string[];
  /** Ids of the finished runs that it was drawn from. */
  runs: string[];
  records: readonly TableRecord[];
}

/** A curve as it is drawn: at most so many points, each the mean of `each` neighbouring logged values. */
export interface ReportCurve {
  each: number;
  steps: number[];
  values: number[];
}

export interface ReportRun {
  id: string;
  name: string;
  spec: Record<string, unknown>;
  provenance: Record<string, unknown>;
  metrics: Record<string, number>;
  schedule: { step: number; layers: number[] }[];
  losses: ReportCurve;
  /** Mean tr(F) of the open adapters. */
  trace: ReportCurve;
  validation: ReportCurve;
  /** tr(F) of each layer at the steps at which it was measured; null where it was not finite. */
  layers: { steps: number[]; values: (number | null)[][] } | null;
  /** What happened, one sentence each. */
  log: string[];
}

/** tr(F) over layers and steps of runs that differ in their seed alone. */
export interface ReportSurface {
  id: string;
  title: string;
  /** The paper's model. */
  model: string;
  runs: string[];
  surface: Surface;
}

export interface ReportPaper
  extends Pick<Paper, "id" | "title" | "shortTitle" | "authors" | "venue" | "code"> {
  /** Words on scale, fidelity, backend and seeds. */
  setup: string;
  /** What numbers at this scale can tell; absent where they are the paper's own. */
  note?: string;
  models: { id: string; title: string }[];
  tables: ReportTable[];
  figures: ReportFigure[];
  surfaces: ReportSurface[];
  claims: JudgedClaim[];
  audit: AuditReport;
}

export interface ReportData {
  format: 1;
  papers: ReportPaper[];
  /** By id. */
  runs: Record<string, ReportRun>;
}
