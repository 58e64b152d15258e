// Promises what a paper declares so that the rules can be applied to it: tables, data sets, relations, claims, deviations.
// Leaves checking them to rules/; every field but the tables may be empty.
import type { Claim, Evidence } from "../claims/mod.ts";
import type { PublishedTables } from "../published/mod.ts";
import type { Place } from "./finding.ts";

export interface AuditedDataset {
  title: string;
  /** Languages that the data set exists in, apart from the one that is transferred from. */
  languages: readonly string[];
  /** Test items: of one language, or "default". Without an entry nothing is counted. */
  items: Readonly<Record<string, number>>;
}

/** Cells that must take one of a list of values. */
export interface Choice {
  id: string;
  /** What the list is, and where it is found: "the intervals searched (section 4.2)". */
  what: string;
  section?: string;
  allowed: readonly number[];
  cells: readonly { table: string; row?: string; column: RegExp }[];
  /** What happens to a value outside the list. */
  consequence: string;
  /** "contradiction" with another part of the paper, or "deviation" from the published code. */
  kind: "contradiction" | "deviation";
}

/** A cell that says how many target languages a data set has. */
export interface LanguageCount {
  table: string;
  row: string;
  column: string;
  dataset: string;
}

export interface References {
  captions: Readonly<Record<string, readonly number[]>>;
  sections: readonly string[];
  mentions: readonly {
    kind: string;
    numbers: readonly (number | string)[];
    section: string;
    line: number;
    quote: string;
  }[];
}

/** A property that the text gives to published files, beside what the files have. */
export interface Artefacts {
  id: string;
  what: string;
  section: string;
  /** The text's word. */
  stated: string;
  /** Which files the tables need: model and language. */
  needed: readonly { model: string; language: string }[];
  found: readonly { model: string; language: string; value: string; files: number; id: string }[];
  read: string;
}

/** A difference between the paper's text and the code its authors published. */
export interface Deviation {
  id: string;
  topic: string;
  paper: string;
  authorsCode: string;
  /** What of a result or a run differs by it. */
  changes: string;
  /** Where each side is found. */
  read: { paper: string; code: string };
  /** The setting of a run that chooses between them, or why there is none. */
  switch: string;
}

export interface AuditedPaper {
  id: string;
  title: string;
  tables: PublishedTables;
  /** What rows and columns are called for a reader. */
  titles: Readonly<Record<string, string>>;
  /** Every language that a column can be of. */
  languages: readonly string[];
  /** The language that is transferred from; not in averages. */
  sourceLanguage: string;
  datasets: Readonly<Record<string, AuditedDataset>>;
  /** Metrics that are a count of items over their number. */
  countedMetrics: readonly string[];
  /** The first is never above the second, for the same answers. */
  bounds: readonly { lower: string; upper: string; why: string }[];
  /** Runs behind every mean, as the text says; absent: it does not. */
  runs?: {
    stated: number;
    section: string;
    exceptions: readonly { table: string; method: string; stated: number; section: string }[];
  };
  languageCounts: readonly LanguageCount[];
  /** The table whose rows are the languages that the paper names. */
  languageTable?: string;
  choices: readonly Choice[];
  references: References;
  artefacts: readonly Artefacts[];
  claims: readonly Claim[];
  evidence: Evidence;
  deviations: readonly Deviation[];
}

/** What a paper's folder declares beside its tables and claims. */
export type AuditDeclaration = Omit<
  AuditedPaper,
  "id" | "title" | "tables" | "languages" | "claims" | "evidence"
>;

/** A rule: a pure function of what the paper declares. */
export type Rule = (paper: AuditedPaper) => import("./finding.ts").RuleReport;

export type { Place };
