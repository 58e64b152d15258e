// Promises the audit of one paper: every rule applied to what it prints and declares, nothing trained. Leaves drawing to render.ts.
import type { FindingKind, RuleReport } from "./finding.ts";
import type { AuditedPaper, Rule } from "./paper.ts";
import { artefacts } from "./rules/artefacts.ts";
import { averages } from "./rules/averages.ts";
import { bounds } from "./rules/bounds.ts";
import { choices } from "./rules/choices.ts";
import { claims } from "./rules/claims.ts";
import { counts } from "./rules/counts.ts";
import { deviations } from "./rules/deviations.ts";
import { form } from "./rules/form.ts";
import { granularity } from "./rules/granularity.ts";
import { headings } from "./rules/headings.ts";
import { lowest } from "./rules/lowest.ts";
import { marks } from "./rules/marks.ts";
import { power } from "./rules/power.ts";
import { references } from "./rules/references.ts";
import { repeats } from "./rules/repeats.ts";
import { spread } from "./rules/spread.ts";

/** In the order of the report: numbers, headings, text, code, and what a reader should know. */
export const rules: Readonly<Record<string, Rule>> = {
  averages,
  repeats,
  granularity,
  bounds,
  lowest,
  marks,
  spread,
  headings,
  counts,
  choices,
  references,
  claims,
  artefacts,
  deviations,
  form,
  power,
};

export interface AuditReport {
  paper: string;
  title: string;
  /** Findings of each kind. */
  count: Record<FindingKind, number>;
  rules: RuleReport[];
}

/** Applies the named rules, or all. Throws naming the rules there are. */
export function audit(paper: AuditedPaper, names: readonly string[] = Object.keys(rules)): AuditReport {
  const reports = names.map((name) => {
    if (!Object.hasOwn(rules, name)) {
      throw new Error(`audit: no rule "${name}"; there are ${Object.keys(rules).join(", ")}`);
    }
    return rules[name](paper);
  });
  const count: Record<FindingKind, number> = { contradiction: 0, doubt: 0, deviation: 0, note: 0 };
  for (const { findings } of reports) for (const { kind } of findings) count[kind]++;
  return { paper: paper.id, title: paper.title, count, rules: reports };
}
