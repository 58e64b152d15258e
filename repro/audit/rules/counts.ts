// Rule: a stated number of languages is the number of languages that the tables hold; every language is in the list of codes.
import type { RuleReport } from "../finding.ts";
import { tableNumber } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import { isLanguage, titleOf } from "../quantities.ts";

export function counts(paper: AuditedPaper): RuleReport {
  const report: RuleReport = {
    rule: "counts",
    asks: "stated numbers of languages are those of the tables, and every language is in the list of codes",
    checked: 0,
    unit: "numbers and languages",
    findings: [],
  };
  const columns = paper.tables.allResults.flatMap(({ table, columns }) =>
    columns.map((column) => ({ table, ...column }))
  );
  const targets = (dataset: string) =>
    [
      ...new Set(
        columns.filter(({ dataset: of, kind }) => of === dataset && isLanguage(paper, kind)).map(({ kind }) =>
          kind
        ),
      ),
    ].filter((kind) => kind !== paper.sourceLanguage);
  const rows = paper.languageCounts.flatMap((count) => {
    const { table, row, column, dataset } = count;
    const cell = paper.tables.text(table).cells.find((each) => each.row === row && each.column === column);
    return cell?.values ? [{ ...count, cell, stated: cell.values[0], held: targets(dataset) }] : [];
  });
  // Some papers count the language that is transferred from; either reading is fine if it is one reading.
  const readings = [0, 1].map((extra) => rows.filter(({ stated, held }) => stated === held.length + extra));
  const better = readings[1].length > readings[0].length ? 1 : 0;
  const source = titleOf(paper.titles, paper.sourceLanguage);
  for (const { table, row, column, dataset, cell, stated, held } of rows) {
    report.checked++;
    if (stated === held.length + better) continue;
    const other = 1 - better;
    const fitsOther = stated === held.length + other;
    const with_ = (extra: number) => extra === 1 ? `with ${source}` : `without ${source}`;
    report.findings.push({
      id: `counts/${table}/${row}/${column}`,
      kind: fitsOther ? "doubt" : "contradiction",
      places: [{ table, row, column, line: cell.line }],
      says: `${tableNumber(table)} says ${stated} languages for ${
        titleOf(paper.titles, dataset)
      }; the tables hold ${held.length} ${with_(0)}${
        fitsOther ? `, and ${stated} ${with_(other)}, which no other row counts` : ""
      }.`,
      arithmetic: `${held.map((each) => titleOf(paper.titles, each)).join(" ")}: ${held.length}; counted ${
        with_(better)
      } ${readings[better].length} of ${rows.length} rows of ${tableNumber(table)} are right, ${
        with_(other)
      } ${readings[other].length}${publishedLanguages(paper, dataset, held)}`,
    });
  }
  languageCodes(paper, columns.map(({ kind }) => kind).filter((kind) => isLanguage(paper, kind)), report);
  return report;
}

/** What the data set itself has beyond the tables, where that is declared. */
function publishedLanguages(paper: AuditedPaper, dataset: string, held: readonly string[]): string {
  const all = paper.datasets[dataset]?.languages;
  if (!all) return "";
  const more = all.filter((language) => !held.includes(language));
  const names = more.map((each) => titleOf(paper.titles, each)).join(" ");
  return `; the data set itself has ${all.length}${names ? `, with ${names}` : ""}`;
}

function languageCodes(paper: AuditedPaper, used: readonly string[], report: RuleReport): void {
  if (!paper.languageTable) return;
  const listed = paper.tables.text(paper.languageTable).rows.map(({ id }) => id);
  const absent = [...new Set(used)].filter((language) => !listed.includes(language));
  const unused = listed.filter((language) => !used.includes(language));
  report.checked += new Set([...used, ...listed]).size;
  if (absent.length + unused.length === 0) return;
  const names = (languages: readonly string[]) =>
    languages.map((each) => titleOf(paper.titles, each)).join(" ");
  report.findings.push({
    id: `counts/${paper.languageTable}/codes`,
    kind: "note",
    places: [{ table: paper.languageTable }],
    says: `${tableNumber(paper.languageTable)} lists the language codes${
      absent.length > 0 ? ` without ${names(absent)}` : ""
    }${unused.length > 0 ? `, and with ${names(unused)}, which no table has` : ""}.`,
    arithmetic: `${listed.length} codes listed, ${new Set(used).size} used`,
  });
}
