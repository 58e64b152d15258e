// Promises what the paper declares for its audit: data sets, stated runs, searched values, files it relies on. Leaves the rules to
// repro/audit; nothing here says what they find.
import type { AuditDeclaration, Choice } from "../../repro/audit/mod.ts";
import { deviations } from "./deviations.ts";
import { effects } from "./deviations-effects.ts";
import references from "./numbers/references.json" with { type: "json" };
import pins from "./pins.json" with { type: "json" };
import { printed } from "./printed.ts";

const words = (text: string) => text.split(" ");
const intervals = /^interval\//;

/** What the published code takes for GU, whatever is asked for. */
const codeIntervals: Record<string, number> = {
  "squad/mbert": 800,
  "squad/xlmr": 800,
  "xnli/mbert": 800,
  "xnli/xlmr": 800,
  "copa/mbert": 50,
  "copa/xlmr": 1000,
};

const choices: Choice[] = [
  {
    id: "intervals-searched",
    what: "the intervals k that were searched",
    section: "4.2",
    allowed: [25, 50, 100, 800, 1000],
    cells: ["table3", "table4", "table15"].map((table) => ({ table, column: intervals })),
    consequence: "section 4.2 says that k was searched in this range for scheduled unfreezing",
    kind: "contradiction",
  },
  {
    id: "learning-rates-searched",
    what: "the learning rates that were searched",
    section: "4.2",
    allowed: [1e-4, 2e-4, 5e-4, 8e-4],
    cells: ["table3", "table4", "table15"].flatMap((table) =>
      printed.text(table).rows.filter(({ task }) => task !== "copa").map(({ id }) => ({
        table,
        row: id,
        column: /^learningRate$/,
      }))
    ),
    consequence: "section 4.2 names the learning rates for all data sets except COPA",
    kind: "contradiction",
  },
  {
    id: "intervals-of-the-code",
    what: "the intervals that the published code accepts",
    allowed: [1, 10, 25, 50, 100, 800, 1000, 1200],
    cells: ["table3", "table4", "table15"].map((table) => ({ table, column: intervals })),
    consequence: "the code silently takes 100 for an unknown one",
    kind: "deviation",
  },
  ...Object.entries(codeIntervals).map(([row, interval]): Choice => ({
    id: `gu-interval-of-the-code/${row}`,
    what: `the values that the published code has for GU`,
    allowed: [interval],
    cells: [
      { table: "table3", row, column: /^interval\/gu$/ },
      { table: "table15", row, column: /^interval\/gu$/ },
    ],
    consequence: `the code fixes GU's interval to ${interval} for this task and encoder`,
    kind: "deviation",
  })),
];

const needed = ["mbert", "xlmr"].flatMap((model) =>
  [
    ...new Set(
      printed.allResults.flatMap(({ rows, columns, cells }) =>
        columns.filter(({ id, kind }) =>
          kind !== "average" && kind !== "lowest" &&
          rows.some((row) =>
            row.model === model && cells.some((cell) => cell.row === row.id && cell.column === id)
          )
        ).map(({ kind }) => kind)
      ),
    ),
  ].map((language) => ({ model, language }))
);

type Choices = Record<string, { language: string; url: string; nonLinearity: string }[]>;
/** Several choices name the same file. */
const publishedAdapters = Object.entries(pins.adapters).flatMap(([model, { choices }]) => {
  const files = new Map(Object.values(choices as Choices).flat().map((file) => [file.url, file]));
  return [...files].map(([id, { language, nonLinearity }]) => ({
    model,
    language,
    value: nonLinearity,
    files: 1,
    id,
  }));
});

/** What chooses between the two sides: an item of a run's fidelity, or nothing and why. */
function switchOf({ item, note }: (typeof deviations)[number]): string {
  const chosen = item === null ? "nothing" : `--fidelity, item ${item}`;
  return note === undefined ? chosen : `${chosen} (${note})`;
}

export const audit: AuditDeclaration = {
  titles: {
    mbert: "mBERT",
    xlmr: "XLM-R",
    mdeberta: "mDeBERTa",
    mlqa: "MLQA",
    xquad: "XQuAD",
    xcopa: "XCOPA",
    xnli: "XNLI",
    f1: "F1",
    em: "EM",
    average: "average",
    lowest: "lowest",
    accuracy: "accuracy",
  },
  sourceLanguage: "en",
  datasets: {
    // Languages and sizes as the data sets were published; the size of MLQA's test sets differs by language.
    mlqa: {
      title: "MLQA",
      languages: words("ar de es hi vi zh"),
      items: { en: 11590, ar: 5335, de: 4517, es: 5253, hi: 4918, vi: 5495, zh: 5137 },
    },
    xquad: { title: "XQuAD", languages: words("ar de el es hi ro ru th tr vi zh"), items: { default: 1190 } },
    xcopa: {
      title: "XCOPA",
      languages: words("et ht id it qu sw ta th tr vi zh"),
      items: { en: 100, default: 500 },
    },
    xnli: {
      title: "XNLI",
      languages: words("ar bg de el es fr hi ru sw th tr ur vi zh"),
      // English may be the 2,490 validation pairs (the code) or the test set: the larger one claims less.
      items: { en: 5010, default: 5010 },
    },
  },
  countedMetrics: ["accuracy", "em"],
  bounds: [{
    lower: "em",
    upper: "f1",
    why: "under SQuAD's metric an exact match has F1 1, so EM cannot exceed F1",
  }],
  runs: {
    stated: 4,
    section: "section 4.2",
    exceptions: [{ table: "table12", method: "rev", stated: 2, section: "section G.2" }],
  },
  languageCounts: printed.text("table5").rows.map(({ id, dataset }) => ({
    table: "table5",
    row: id,
    column: "languages",
    dataset: dataset!,
  })),
  languageTable: "table6",
  choices,
  references,
  artefacts: [{
    id: "language-adapters",
    what: "the non-linearity of adapters",
    section: "A",
    stated: "relu",
    needed,
    found: publishedAdapters,
    read: "AdapterHub, as pinned in pins.json; each file once, whatever name chooses it",
  }],
  deviations: deviations.map((each) => ({ ...each, changes: effects[each.id], switch: switchOf(each) })),
};
