// Promises the form in which a paper tells the toolkit what it holds: models, data sets, settings and tables, all of it data.
// Leaves the content to a folder under papers/ and what is done with it to specify.ts and tables/.
import type { AdapterKind, DatasetName, Fidelity, Hyperparameters, Scale, TaskName } from "../spec/mod.ts";
import type { AuditDeclaration } from "../audit/mod.ts";
import type { Claim } from "../claims/mod.ts";
import type { Figure } from "./figure.ts";
import type { DataSource } from "../data/source.ts";
import type { Fetchable } from "../fetch/wanted.ts";
import type {
  PublishedTables,
  ResultTable as PublishedResults,
  TextTable as PublishedText,
} from "../published/mod.ts";

/** Width and depth of an encoder, for counting its work without its weights. */
export interface EncoderShape {
  layers: number;
  hidden: number;
  feedForward: number;
  heads: number;
  vocabulary: number;
  /** Of disentangled attention: buckets of distances, both directions. */
  relativePositions?: number;
}

export interface PaperModel {
  /** First part of a row's id, and the option that names its folder: "mbert", --mbert. */
  id: string;
  title: string;
  /** The tiny world's encoder that stands for it. */
  tiny?: string;
  /** Why there is none. */
  noTiny?: string;
  shape: EncoderShape;
  /** Where the paper's weights are published, pinned: "org/name@commit". */
  hub: string;
}

export interface PaperDataset {
  id: DatasetName;
  title: string;
  task: TaskName;
  /** The first one decides which language is the lowest. */
  metrics: readonly string[];
  /** Languages that the paper evaluates on, English first. */
  languages: readonly string[];
}

/** What a cell asks for: a run without its seed and without what the user and the machine decide. */
export interface RunRequest {
  /** Id of one of the paper's models. */
  model: string;
  task: TaskName;
  method: string;
  adapter: AdapterKind;
  /** Training examples where the paper cuts them: 1000, 5000, … */
  trainingSize?: number;
  /** tr(F) and the validation score are logged often enough to be drawn. */
  tracked?: boolean;
}

/** Everything that the settings of a run may depend on. */
export interface SettingRequest extends Omit<RunRequest, "task"> {
  /** "mlm" is the training of a language adapter. */
  task: TaskName | "mlm";
  scale: Scale;
  fidelity: Fidelity;
  /** Those of the paper's `settingItems` that are to differ from `fidelity`. */
  items?: Readonly<Record<string, Fidelity>>;
  /** At scale tiny: a data root in place of the tiny world. */
  realData: boolean;
}

/** Numbers of examples, for counting work without the data. */
export interface TaskSize {
  train: number;
  validation: number;
  /** Average tokens of an input, padding included, of training and of scoring. */
  trainTokens: number;
  scoreTokens: number;
  /** Examples of each test set in one language. */
  test: Partial<Record<DatasetName, number>>;
  /** How these were found. */
  read: string;
}

/** A known difference between a paper's text and the code that its authors published. */
export interface Deviation {
  id: string;
  topic: "schedule" | "fisher" | "optimizer" | "model" | "evaluation" | "settings";
  paper: string;
  authorsCode: string;
  /** What of a result or a run differs by it. */
  changes: string;
  /** Where each side is found. */
  read: { paper: string; code: string };
  /** The item of fidelity that chooses a side of it alone; null where both sides are computed alike. */
  item: string | null;
  /** Why there is no item, or what else must be known. */
  note?: string;
}

export interface Download {
  what: string;
  /** Of the files whose size a public source states; null where there is none. */
  bytes: number | null;
  /** Weights whose size none states, from the model's widths at 4 bytes a parameter; absent where there are none. */
  estimated?: number;
  /** Files of which nothing tells the size. */
  unknown: number;
}

export interface Paper {
  id: string;
  title: string;
  /** How its tables are headed. */
  shortTitle: string;
  authors: readonly string[];
  venue: string;
  /** Where its code is published. */
  code: string;
  /** Its folder; reference/tiny-<table>.json is looked for in it. */
  folder: URL;
  models: readonly PaperModel[];
  datasets: readonly PaperDataset[];
  printed: PublishedTables;
  tables: readonly Table[];
  figures?: readonly Figure[];
  /** The method whose runs decide which language is the lowest. */
  baseline: string;
  /** The settings of one run. Throws where the paper prints none. */
  settings(request: SettingRequest): Hyperparameters;
  sizes: Partial<Record<TaskName, TaskSize>>;
  /** Everything of this paper that `repro fetch` can bring. */
  fetch?: Fetchable;
  /** What must be fetched before runs with these models and tasks can be made; sizes where they are known. */
  downloads?(asked: { models: readonly string[]; tasks: readonly TaskName[] }): Download[];
  /** What it says in prose about its results; each is judged by `repro claims`. */
  claims?: readonly Claim[];
  /** What `repro audit` must know beside the tables. */
  audit?: AuditDeclaration;
  deviations?: readonly Deviation[];
  /** Items of fidelity that are numbers of a run's specification, which `settings` acts on. */
  settingItems?: readonly string[];
  /** Methods that a deliberate fault can change; where it is tried. */
  touched?: Record<string, readonly string[]>;
}

export interface ResultRow {
  /** "<model>/<anything>", unique in its table. */
  id: string;
  title: string;
  model: string;
  method: string;
  /** "mad-x" when absent. */
  adapter?: AdapterKind;
}

export interface ResultColumn {
  id: string;
  dataset: DatasetName;
  /** A language code, "lowest" or "average" (over the target languages, without English). */
  pick: string;
  metric: string;
  trainingSize?: number;
}

/** A part of the printed table with headings of its own. Cells of one column title are joined by slashes. */
export interface LayoutBlock {
  corner: string;
  rows: readonly string[];
  groups: readonly { title: string; columns: readonly { title: string; cells: readonly string[] }[] }[];
}

interface TableHead {
  /** The command: "table1". */
  id: string;
  /** What it shows, in a few words. */
  title: string;
}

/** Numbers that follow from runs. */
export interface ResultTable extends TableHead {
  kind: "results";
  rows: readonly ResultRow[];
  columns: readonly ResultColumn[];
  layout: readonly LayoutBlock[];
  /** What the paper prints, with the margin of its checks. */
  published: PublishedResults;
  /** Replaces the usual way from a run's metrics to a cell; `lowest` is a language code where one is known. */
  value?(
    metrics: Readonly<Record<string, number>>,
    column: ResultColumn,
    lowest?: string,
  ): number | undefined;
}

/** One statement of the paper that is checked without a run. */
export interface Fact {
  row: string;
  column: string;
  /** What is found: text, as the paper would print it. null: it cannot be found here, see `why`. */
  ours: string | null;
  /** Other ways in which the paper might print the same. */
  alsoAs?: readonly string[];
  /** Also the value of the tiny world, where it has one of its own. */
  tiny?: string;
  why?: string;
  /** Name of the known deviation that explains a difference. */
  deviation?: string;
  /** Found, but from something that the paper did not use, so that it must not be judged; why it says what. */
  incomparable?: boolean;
  /** Where ours comes from. */
  from: string;
}

export interface FactContext {
  paper: Paper;
  fidelity: Fidelity;
  /** Those of the paper's `settingItems` that are to differ from `fidelity`. */
  items?: Readonly<Record<string, Fidelity>>;
  /** Data that facts may be counted from; null where none was given. */
  source: DataSource | null;
}

/** Settings, counts and codes: facts that follow from the configuration or the data. */
export interface FactTable extends TableHead {
  kind: "facts";
  layout: readonly LayoutBlock[];
  published: PublishedText;
  /** What it is found from, for `repro list`: "the configuration of runs". */
  needs: string;
  facts(context: FactContext): Promise<Fact[]>;
}

export type Table = ResultTable | FactTable;
