// Promises the form in which a paper declares a figure: the runs it needs, and how its picture follows from finished runs and
// printed numbers, as a function that reads nothing else. Leaves drawing to repro/render and finding runs to repro/figures.
import type { ArchitectureTrace } from "../figures/architecture.ts";
import type { DrawnFigure } from "../render/picture.ts";
import type { FinishedRun } from "../runs/mod.ts";
import type { RunSpec } from "../spec/mod.ts";
import type { Paper, RunRequest } from "./paper.ts";
import type { Setup } from "./specify.ts";

/** A value that was logged before, or after, the update of a step. */
export interface LoggedValue {
  step: number;
  value: number;
}

/** A run that a figure wants, with all that it left where it is finished. */
export interface RunOfFigure {
  request: RunRequest;
  spec: RunSpec;
  run: FinishedRun | null;
  /** tr(F) per open task adapter; empty unless tracked. */
  trace: readonly LoggedValue[];
  /** Score on the English validation set. */
  validation: readonly LoggedValue[];
  /** tr(F) of every layer, whenever a layer was selected by it. */
  selections: readonly { step: number; layers: readonly number[] }[];
}

export interface FigureContext {
  paper: Paper;
  setup: Setup;
  /** All that the requests ask for, seed by seed. */
  runs: readonly RunOfFigure[];
  /** A model of the paper as a training run builds it, and how an input goes through it. */
  architecture(model: string): Promise<ArchitectureTrace>;
}

export interface Figure {
  kind: "figure";
  /** The command: "figure1". */
  id: string;
  /** What it shows, in a few words. */
  title: string;
  /** What it is made from, for `repro list`. */
  needs: string;
  requests: readonly RunRequest[];
  /** Models whose structure is looked at, without a run. */
  models?: readonly string[];
  /** Runs with so many seeds are enough, whatever tables need; more can be asked for. All of the setup's when absent. */
  seeds?: number;
  draw(context: FigureContext): DrawnFigure | Promise<DrawnFigure>;
}
