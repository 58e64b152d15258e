// Promises sentence pairs from XNLI TSV files and from MultiNLI as TSV, JSON lines or CSV.
// Leaves the choice of files and splits to datasets.ts.
import { parseCsv, parseTsv, type Row } from "./delimited.ts";
import { DataError, shown } from "./errors.ts";
import { parseJsonLines } from "./json.ts";
import { type NliExample, nliLabels } from "./types.ts";

/** Reads a label by name or number. "contradictory" is how XNLI's own translation of MultiNLI spells the third. */
function readLabel(value: unknown, file: string, where: string): 0 | 1 | 2 {
  const name = value === "contradictory" ? "contradiction" : value;
  const index = typeof name === "number" ? name : nliLabels.indexOf(name as typeof nliLabels[number]);
  if (index !== 0 && index !== 1 && index !== 2) {
    throw new DataError(
      file,
      where,
      `the label is ${shown(value)}`,
      `it must be one of ${nliLabels.join(", ")} (or 0, 1, 2)`,
    );
  }
  return index;
}

function pair(
  premise: unknown,
  hypothesis: unknown,
  label: unknown,
  file: string,
  where: string,
): NliExample {
  for (const [name, value] of [["premise", premise], ["hypothesis", hypothesis]]) {
    if (typeof value !== "string") {
      throw new DataError(
        file,
        where,
        `the ${name} is ${shown(value)}`,
        "it must be text; check the columns",
      );
    }
  }
  return {
    premise: premise as string,
    hypothesis: hypothesis as string,
    label: readLabel(label, file, where),
  };
}

function wantColumns(row: Row, count: number, names: string, file: string): void {
  if (row.cells.length !== count) {
    throw new DataError(
      file,
      `line ${row.line}`,
      `${row.cells.length} columns, ${count} are wanted (${names})`,
      "check for a stray or missing separator, or a file cut short",
    );
  }
}

function nonEmpty<T>(rows: T[], file: string): T[] {
  if (rows.length === 0) throw new DataError(file, "", "no rows", "fetch the file again");
  return rows;
}

/** XNLI development data: premise, hypothesis, label; no heading. */
export function readXnliDev(text: string, file: string): NliExample[] {
  return nonEmpty(parseTsv(text), file).map((row) => {
    wantColumns(row, 3, "premise, hypothesis, label", file);
    return pair(row.cells[0], row.cells[1], row.cells[2], file, `line ${row.line}`);
  });
}

/** XNLI test data: premise, hypothesis in one file, label (and genre) row by row in another. */
export function readXnliTest(text: string, file: string, labels: string, labelsFile: string): NliExample[] {
  const pairs = nonEmpty(parseTsv(text), file);
  const answers = nonEmpty(parseTsv(labels), labelsFile);
  if (pairs.length !== answers.length) {
    throw new DataError(
      file,
      "",
      `${pairs.length} pairs but ${answers.length} labels in ${labelsFile}`,
      "one of the two is cut short; fetch both again",
    );
  }
  return pairs.map((row, index) => {
    wantColumns(row, 2, "premise, hypothesis", file);
    const label = readLabel(answers[index].cells[0], labelsFile, `line ${answers[index].line}`);
    return { premise: row.cells[0], hypothesis: row.cells[1], label };
  });
}

/** Names under which the three columns are found in the files in circulation, the first present wins. */
const columnNames = {
  premise: ["premise", "sentence1"],
  hypothesis: ["hypothesis", "hypo", "sentence2"],
  label: ["gold_label", "label"],
};

function readTable(rows: Row[], file: string): NliExample[] {
  const heading = nonEmpty(rows, file)[0];
  const find = (names: string[]) =>
    names.map((name) => heading.cells.indexOf(name)).find((at) => at >= 0) ?? -1;
  const [premise, hypothesis, label] = [columnNames.premise, columnNames.hypothesis, columnNames.label].map(
    find,
  );
  if (Math.min(premise, hypothesis, label) < 0) {
    const absent = [premise, hypothesis, label].indexOf(-1);
    const names = Object.values(columnNames)[absent].map((name) => `"${name}"`).join(" or ");
    throw new DataError(
      file,
      "line 1",
      `no column ${names} among ${shown(heading.cells.join(", "))}`,
      "add the heading or check the file",
    );
  }
  const examples: NliExample[] = [];
  for (const row of rows.slice(1)) {
    wantColumns(row, heading.cells.length, "as in the heading", file);
    // "-" marks pairs on which MultiNLI's annotators reached no majority; they carry no label to learn.
    if (row.cells[label] === "-") continue;
    examples.push(
      pair(row.cells[premise], row.cells[hypothesis], row.cells[label], file, `line ${row.line}`),
    );
  }
  return nonEmpty(examples, file);
}

/** MultiNLI as tab-separated values: with a heading in any known spelling, or three columns without one. */
export function readMnliTsv(text: string, file: string): NliExample[] {
  const rows = nonEmpty(parseTsv(text), file);
  const first = rows[0].cells;
  const bare = first.length === 3 && (nliLabels as readonly string[]).includes(first[2]);
  return bare ? readXnliDev(text, file) : readTable(rows, file);
}

/** MultiNLI as comma-separated values with a heading. */
export function readMnliCsv(text: string, file: string): NliExample[] {
  return readTable(parseCsv(text, file), file);
}

/** MultiNLI as JSON lines: `gold_label`, `sentence1`, `sentence2`, or `label`, `premise`, `hypothesis`. */
export function readMnliJsonl(text: string, file: string): NliExample[] {
  const examples: NliExample[] = [];
  for (const { line, fields } of parseJsonLines(text, file)) {
    const pick = (names: string[]) => names.map((name) => fields[name]).find((value) => value !== undefined);
    const label = pick(columnNames.label);
    if (label === "-" || label === -1) continue;
    examples.push(pair(pick(columnNames.premise), pick(columnNames.hypothesis), label, file, `line ${line}`));
  }
  return nonEmpty(examples, file);
}
