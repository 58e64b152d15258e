// Rule: what the paper claims in prose follows from its own printed numbers.
import type { Case } from "../../claims/mod.ts";
import type { FindingKind, RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";

const kinds: Record<"fails" | "partly", FindingKind> = { fails: "contradiction", partly: "doubt" };

export function claims(paper: AuditedPaper): RuleReport {
  const report: RuleReport = {
    rule: "claims",
    asks: "every claim of the text holds on the printed numbers",
    checked: 0,
    unit: "claims",
    findings: [],
  };
  const undecided: { id: string; section: string }[] = [];
  for (const { id, section, quote, asks, evaluate } of paper.claims) {
    report.checked++;
    const { verdict, why, cases } = evaluate(paper.evidence);
    if (verdict === "undecided") undecided.push({ id, section });
    if (verdict !== "fails" && verdict !== "partly") continue;
    const against = cases.filter(({ holds }) => holds === false);
    report.findings.push({
      id: `claims/${id}`,
      kind: kinds[verdict],
      places: [{ section }, ...against.flatMap(({ cells }) => cells)],
      says: `"${quote}" (${section}) ${
        verdict === "fails" ? "does not hold" : "holds in part"
      }: ${why}. Asked: ${asks}.`,
      arithmetic: against.map(({ label, arithmetic }: Case) => `${label}: ${arithmetic}`).join("; "),
    });
  }
  if (undecided.length > 0) {
    report.findings.push({
      id: "claims/undecided",
      kind: "note",
      places: undecided.map(({ section }) => ({ section })),
      says:
        `${undecided.length} claims rest on numbers that no table prints, or not so that they can be read.`,
      arithmetic: undecided.map(({ id, section }) => `${id} (${section})`).join(", "),
    });
  }
  return report;
}
