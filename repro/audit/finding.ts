// Promises what a rule reports: findings with the place, the claim and the arithmetic. Leaves the rules to rules/.

/**
 * "contradiction": what is printed cannot all be right. "doubt": it can, but needs an explanation that is not given.
 * "deviation": the text and the published code or files differ. "note": for a reader to know, nobody's fault.
 */
export type FindingKind = "contradiction" | "doubt" | "deviation" | "note";

export interface Place {
  table?: string;
  row?: string;
  column?: string;
  /** Section, caption or footnote of the text. */
  section?: string;
  /** Line of the source text, from 1. */
  line?: number;
}

export interface Finding {
  /** Rule and subject, the same at every run: "averages/table8/xlmr/standard/mlqa/f1". */
  id: string;
  kind: FindingKind;
  places: Place[];
  /** One sentence. */
  says: string;
  /** The figures that lead there. */
  arithmetic: string;
}

export interface RuleReport {
  rule: string;
  /** What the rule asks, in a sentence. */
  asks: string;
  /** How many times it was applied, and to what. */
  checked: number;
  unit: string;
  findings: Finding[];
}

/** "Table 8, XLM-R^Ada, MLQA average F1" is written by the renderer; here only the words of a place without labels. */
export const tableNumber = (table: string): string => table.replace(/^table/, "Table ");
