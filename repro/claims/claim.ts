// Promises what a claim is that a paper makes in prose: its words, where they stand, and a pure predicate over evidence.
// Leaves the usual predicates to predicates.ts, and which claims there are to the papers.

/** A mean over n runs; its spread where it is known. */
export interface CellValue {
  mean: number;
  sd?: number;
  n: number;
}

export interface CellName {
  table: string;
  row: string;
  column: string;
}

/** tr(F) or another quantity that was logged during training. */
export interface CurvePoint {
  step: number;
  value: number;
}

/** What a predicate may look at: the paper's own numbers, or those of runs. */
export interface Evidence {
  /**
   * "paper": numbers are taken as printed, and a stated number must follow from them but for rounding. "runs": a difference within
   * its 95 % half-width decides nothing.
   */
  source: "paper" | "runs";
  /** What is partial about the data that runs rest on, one sentence each; absent or empty where nothing is. */
  partial?: readonly string[];
  /** Undefined where there is no such cell, or it cannot be read. */
  cell(name: CellName): CellValue | undefined;
  /** Logged curves of a row ("model/method") on a task, one a seed; absent or empty where nothing was logged. */
  curves?(row: string, task: string): readonly (readonly CurvePoint[])[];
  /** Layers in the order of opening, one list a seed. */
  schedules?(row: string, task: string): readonly (readonly number[])[];
}

/** One instance of a claim. */
export interface Case {
  label: string;
  cells: CellName[];
  /** What was computed, usually a difference in points. */
  value: number;
  /** Half of the 95 % interval of `value`, where the spreads are known (Welch). */
  halfWidth?: number;
  /** Null: on runs, the difference lies within its noise, or there is one run and the noise is unknown. */
  holds: boolean | null;
  /** The computation in figures. */
  arithmetic: string;
}

/**
 * "holds" and "fails" are shown. "partly": of a claim about every case, some are shown to hold and some not to. "undecided": noise or
 * missing values leave it open, whatever the decided cases say for it.
 */
export type ClaimVerdict = "holds" | "partly" | "fails" | "undecided";

export interface Outcome {
  verdict: ClaimVerdict;
  why: string;
  cases: Case[];
  /** Cells or logs that were wanted and are not there. */
  missing: string[];
}

export interface Claim {
  id: string;
  /** "settings": follows from printed settings and text alone; runs have no part in it. */
  about: "results" | "training" | "settings";
  /** Section, caption or footnote. */
  section: string;
  /** The paper's words, shortened with … only. */
  quote: string;
  /** What the predicate asks, in words, with any threshold and its reason. */
  asks: string;
  evaluate(evidence: Evidence): Outcome;
}
