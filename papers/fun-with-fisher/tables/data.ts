// Promises Table 5 counted from the data themselves and Table 6 from the languages that runs evaluate on.
// Leaves reading data to the toolkit and the comparison with the printed text too.
import { type Fact, type FactContext, factTable } from "../../../repro/paper/mod.ts";
import { DataError } from "../../../repro/data/errors.ts";
import { NotFetchedError } from "../../../repro/fetch/locate.ts";
import { loadTarget, loadTask } from "../../../repro/data/datasets.ts";
import type { DataSource } from "../../../repro/data/source.ts";
import type { DatasetName, TaskName } from "../../../repro/spec/mod.ts";
import { tinyWorld } from "../../../repro/tinyworld/mod.ts";
import { printed } from "../printed.ts";
import { datasets } from "../world.ts";

interface Counted {
  values: Record<string, string>;
  /** What is not the full data, by column. */
  partial: Record<string, string>;
}

async function count(source: DataSource, task: TaskName, dataset: DatasetName): Promise<Counted> {
  const { train, validation, partial } = await loadTask(source, task);
  const targets = datasets.find(({ id }) => id === dataset)!.languages.filter((code) => code !== "en");
  const tests = await Promise.all(targets.map((language) => loadTarget(source, dataset, language)));
  const sizes = tests.map(({ examples }) => examples.length);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const cut = [...new Set(tests.flatMap((test) => test.partial))];
  return {
    values: {
      train: String(train.length),
      validation: String(validation.length),
      test: least === most ? String(least) : `${least} - ${most}`,
    },
    partial: {
      ...(partial.length > 0 ? { train: partial.join("; ") } : {}),
      ...(cut.length > 0 ? { test: cut.join("; ") } : {}),
    },
  };
}

/** Why data cannot be counted; anything but absent or damaged data is thrown. */
function notThere(error: unknown): string {
  if (error instanceof DataError || error instanceof NotFetchedError) return `not counted: ${error.message}`;
  throw error;
}

/** With or without English: the paper counts both ways. */
function languageCount(row: string, dataset: DatasetName): Fact {
  const targets = datasets.find(({ id }) => id === dataset)!.languages.filter((code) => code !== "en");
  const shown = new Set(
    printed.allResults.flatMap(({ columns }) => columns.filter((each) => each.dataset === dataset))
      .map(({ kind }) => kind).filter((kind) => /^[a-z]{2}$/.test(kind) && kind !== "en"),
  );
  const asShown = targets.length === shown.size && targets.every((code) => shown.has(code));
  const text = String(targets.length);
  const table5 = printed.text("table5").cells.find((cell) => cell.row === row && cell.column === "languages")
    ?.text;
  return {
    row,
    column: "languages",
    ours: `${text} + En`,
    alsoAs: [text, String(targets.length + 1)],
    tiny: `${text} + En`,
    from: "languages that runs evaluate on",
    // The paper against itself: our languages are those of its result tables.
    ...(asShown && table5 !== text && table5 !== String(targets.length + 1)
      ? {
        deviation: "table5-languages",
        why: `its own tables of results show ${shown.size} target languages`,
      }
      : {}),
  };
}

async function statistics({ source }: FactContext): Promise<Fact[]> {
  const facts: Fact[] = [];
  for (const { id: row, task, dataset } of printed.text("table5").rows) {
    const [taskName, datasetName] = [task as TaskName, dataset as DatasetName];
    const tiny = await count(tinyWorld(), taskName, datasetName);
    const found = source === null ? null : await count(source, taskName, datasetName).catch(notThere);
    for (const column of ["train", "validation", "test"]) {
      const absent = typeof found === "string" ? found : undefined;
      const counted = typeof found === "string" ? null : found;
      const partial = counted?.partial[column];
      facts.push({
        row,
        column,
        ours: counted?.values[column] ?? null,
        tiny: tiny.values[column],
        from: source === null ? "no data" : `counted in ${source.name}`,
        ...(source === null
          ? { why: "the real data are not at hand: --data-root FOLDER, or repro fetch" }
          : absent
          ? { why: absent }
          : partial
          ? { incomparable: true, why: `partial data: ${partial}` }
          : {}),
      });
    }
    facts.push(languageCount(row, datasetName));
  }
  return facts;
}

const capital = (code: string) => code[0].toUpperCase() + code.slice(1);

/** Greek, Cyrillic and Latin letters that look alike, as one: the source has Tamil's code in Cyrillic ones. */
const lookalikes: Record<string, string> = { "Т": "T", "а": "a" };
const latin = (text: string) => [...text].map((each) => lookalikes[each] ?? each).join("");

function codes(): Promise<Fact[]> {
  const used = new Set(datasets.flatMap(({ languages }) => languages));
  const names = new Intl.DisplayNames(["en"], { type: "language" });
  const { rows, cells } = printed.text("table6");
  return Promise.resolve(rows.map(({ id, label }): Fact => {
    const name = names.of(id) ?? "";
    const text = cells.find((cell) => cell.row === id)?.text ?? "";
    return {
      row: id,
      column: "code",
      ours: !used.has(id) ? null : name.startsWith(label) ? capital(id) : `${capital(id)} (${name})`,
      ...(latin(text) === capital(id) ? { alsoAs: [text] } : {}),
      from: "languages that runs evaluate on, names by the Unicode CLDR",
      ...(used.has(id) ? {} : { why: `no run evaluates on ${label}` }),
    };
  }));
}

export const data = [
  factTable(printed.text("table5"), {
    title: "statistics of the data sets",
    corner: "Train / test data",
    needs: "the data themselves",
    facts: statistics,
  }),
  factTable(printed.text("table6"), {
    title: "languages and their codes",
    corner: "Language",
    needs: "the languages that runs evaluate on",
    facts: codes,
  }),
];
