// Rule: none; every known difference between the text and the published code is listed with what it changes.
import type { RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";

export function deviations(paper: AuditedPaper): RuleReport {
  return {
    rule: "deviations",
    asks: "the text says what the published code does",
    checked: paper.deviations.length,
    unit: "declared differences",
    findings: paper.deviations.map((each) => ({
      id: `deviations/${each.id}`,
      kind: "deviation",
      places: [{ section: each.read.paper }],
      says: `${each.changes} Chosen by: ${each.switch}.`,
      arithmetic: `paper (${each.read.paper}): ${each.paper}; code (${each.read.code}): ${each.authorsCode}`,
    })),
  };
}
