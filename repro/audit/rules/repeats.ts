// Rule: a quantity that is printed in several tables is printed alike; a "lowest" cell is the cell of the language it names.
import type { Finding, RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import {
  byKey,
  languageKey,
  nameOf,
  placeOf,
  printedMean,
  quantities,
  type Quantity,
} from "../quantities.ts";

function differing(paper: AuditedPaper, id: string, a: Quantity, b: Quantity): Finding | null {
  const sdDiffers = a.cell.sd !== undefined && b.cell.sd !== undefined && a.cell.sd !== b.cell.sd;
  if (a.cell.mean === b.cell.mean && !sdDiffers) return null;
  const spread = ({ cell }: Quantity) => cell.sd === undefined ? "" : ` ± ${cell.sd.toFixed(2)}`;
  return {
    id,
    kind: "contradiction",
    places: [placeOf(a), placeOf(b)],
    says: `${nameOf(paper, a)} and ${nameOf(paper, b)} are the same quantity and differ.`,
    arithmetic: `${printedMean(a.cell)}${spread(a)} against ${printedMean(b.cell)}${spread(b)}`,
  };
}

export function repeats(paper: AuditedPaper): RuleReport {
  const all = quantities(paper);
  const keyed = byKey(all);
  const report: RuleReport = {
    rule: "repeats",
    asks: "a cell that is printed again in another table is the same there",
    checked: 0,
    unit: "pairs of cells",
    findings: [],
  };
  const compare = (id: string, a: Quantity, b: Quantity) => {
    report.checked++;
    const finding = differing(paper, id, a, b);
    if (finding) report.findings.push(finding);
  };
  for (const [key, [first, ...others]] of keyed) {
    // "lowest" cells of different languages are different quantities; which language they name is the headings' rule.
    for (const other of others) {
      compare(`repeats/${key.replaceAll(" ", "/")}/${first.table}-${other.table}`, first, other);
    }
  }
  for (const lowest of all.filter(({ column }) => column.kind === "lowest")) {
    if (!lowest.language) continue;
    for (const named of keyed.get(languageKey(lowest, lowest.language)) ?? []) {
      compare(
        `repeats/${lowest.key.replaceAll(" ", "/")}/${lowest.table}-${named.table}/${lowest.language}`,
        lowest,
        named,
      );
    }
  }
  return report;
}
