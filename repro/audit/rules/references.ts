// Rule: whatever the text names by a number exists; whatever exists is named somewhere; an address is one.
import type { RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";

const capital = (word: string) => word[0].toUpperCase() + word.slice(1);

export function references(paper: AuditedPaper): RuleReport {
  const { captions, sections, mentions } = paper.references;
  const report: RuleReport = {
    rule: "references",
    asks:
      "every table, figure, algorithm and section that the text names exists, and each is named somewhere",
    checked: 0,
    unit: "mentions",
    findings: [],
  };
  for (const { kind, numbers, section, line, quote } of mentions) {
    report.checked++;
    const places = [{ section, line }];
    if (kind === "address") {
      report.findings.push({
        id: `references/address/${section}`,
        kind: "doubt",
        places,
        says: `Section ${section} points to an address that was never filled in.`,
        arithmetic: `"${quote}"`,
      });
      continue;
    }
    const there: readonly (number | string)[] = kind === "section" ? sections : captions[kind] ?? [];
    for (const number of numbers) {
      if (there.includes(number)) continue;
      const elsewhere = Object.entries(captions).filter(([other, list]) =>
        other !== kind && list.includes(number as number)
      ).map(([other]) => `${capital(other)} ${number}`);
      report.findings.push({
        id: `references/${kind}/${number}/${section}`,
        kind: "contradiction",
        places,
        says: `Section ${section} names ${capital(kind)} ${number}, which does not exist${
          elsewhere.length > 0 ? `; ${elsewhere.join(" and ")} does` : ""
        }.`,
        arithmetic: `"${quote}"; the last ${kind} is ${there[there.length - 1] ?? "none"}`,
      });
    }
  }
  for (const [kind, list] of Object.entries(captions)) {
    const named = new Set(mentions.filter((each) => each.kind === kind).flatMap(({ numbers }) => numbers));
    const unnamed = list.filter((number) => !named.has(number));
    if (unnamed.length === 0) continue;
    report.findings.push({
      id: `references/${kind}/unnamed`,
      kind: "note",
      places: unnamed.map((number) => ({ table: `${kind}${number}` })),
      says: `The text never names ${capital(kind)} ${unnamed.join(", ")}.`,
      arithmetic: `${list.length} captions, ${list.length - unnamed.length} of them named`,
    });
  }
  return report;
}
