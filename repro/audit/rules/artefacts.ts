// Rule: published files that the results need are there, are one for each need, and have the property that the text gives them.
import type { RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import { titleOf } from "../quantities.ts";

export function artefacts(paper: AuditedPaper): RuleReport {
  const report: RuleReport = {
    rule: "artefacts",
    asks: "published files are as the text describes them, none is absent, and none leaves a choice",
    checked: 0,
    unit: "needed files",
    findings: [],
  };
  for (const { id, what, section, stated, needed, found, read } of paper.artefacts) {
    for (const model of new Set(needed.map((each) => each.model))) {
      const languages = needed.filter((each) => each.model === model).map(({ language }) => language).sort();
      const own = found.filter((each) => each.model === model);
      const of = (language: string) => own.filter((each) => each.language === language);
      const names = (list: readonly string[]) => list.map((each) => titleOf(paper.titles, each)).join(" ");
      report.checked += languages.length;
      const absent = languages.filter((language) => of(language).length === 0);
      const other = languages.filter((language) =>
        of(language).length > 0 && of(language).every(({ value }) => value !== stated)
      );
      const several = languages.filter((language) =>
        of(language).reduce((sum, { files }) => sum + files, 0) > 1
      );
      if (absent.length + other.length + several.length === 0) continue;
      const values = [...new Set(own.map(({ value }) => value))].sort();
      report.findings.push({
        id: `artefacts/${id}/${model}`,
        kind: "deviation",
        places: [{ section }],
        says: `Section ${section} says ${stated} for ${what}; for ${
          titleOf(paper.titles, model)
        } ${other.length} of ${languages.length} needed languages are published without it, ${several.length} as more than one file, ${absent.length} not at all.`,
        arithmetic: [
          ...values.map((value) =>
            `${value}: ${
              names([
                ...new Set(
                  own.filter((each) => each.value === value).map(({ language }) => language),
                ),
              ].sort())
            }`
          ),
          `only other than ${stated}: ${names(other) || "none"}`,
          `several files: ${names(several) || "none"}`,
          `absent: ${names(absent) || "none"}`,
          `${own.length} files: ${read}`,
        ].join("; "),
      });
    }
  }
  return report;
}
