// Promises the results of a bench as tables: one an operation for the terminal, one a family for Markdown.
// Leaves drawing to repro/render and the reading of frozen parameters to frozen.ts.
import type { Block, TableView } from "../../repro/render/mod.ts";
import type { BenchResults, MeasuredOperation } from "./results.ts";
import { mebibytes, rateUnit, type Row, rowsOf, short } from "./rows.ts";

/** What a reader must know before the numbers. */
export function headingOf(results: BenchResults): string[] {
  const { machine } = results;
  return [
    `${
      results.date.slice(0, 16).replace("T", " ")
    } UTC · commit ${results.commit} · backend ${results.backend} · ` +
    `${results.threads} thread${results.threads > 1 ? "s" : ""}`,
    `${machine.cpu}, ${machine.cores} cores, ${
      Math.round(machine.memoryBytes / 2 ** 30)
    } GiB · ${machine.system}`,
    ...results.engines.map(({ id, title, version, description }) =>
      `${id}: ${title} ${version} (${description})`
    ),
    ...results.absent.map(({ title, reason }) => `absent: ${title}: ${reason}`),
  ];
}

const toleranceOf = ({ tolerance, engines }: BenchResults) =>
  [
    String(tolerance),
    ...engines.filter((each) => each.tolerance !== undefined).map((each) =>
      `${each.tolerance} of ${each.id}`
    ),
  ].join(", ");

const legend = (results: BenchResults) =>
  `ms: median of up to ${results.rounds} samples taken in alternation. GFLOP/s, GB/s: by the formulas of bench/work/flops.ts. ` +
  `ours ÷ it: our time by the engine's; below 1 we are faster. agrees: largest deviation from our result, relative to its root ` +
  `mean square; above ${toleranceOf(results)} a time is not compared. –: the engine's API has no such work.`;

const cells = (row: Row, operation: MeasuredOperation, withMemory: boolean): string[] => [
  short(row.ms),
  short(row.rate),
  ...(operation.tokens !== null ? [short(row.tokensPerSecond)] : []),
  ...(withMemory ? [row.peakBytes === null ? "–" : mebibytes(row.peakBytes)] : []),
  short(row.ratio),
];

/** One operation with a line an engine. */
function block(operation: MeasuredOperation): Block {
  const rows = rowsOf(operation);
  const withMemory = rows.some(({ peakBytes }) => peakBytes !== null);
  return {
    corner: operation.name,
    groups: [{
      title: amountOf(operation),
      columns: [
        "ms",
        rateUnit(operation),
        ...(operation.tokens !== null ? ["tokens/s"] : []),
        ...(withMemory ? ["peak memory"] : []),
        "ours ÷ it",
        "agrees",
      ],
    }],
    // One row of many lines: the engines of an operation belong together, without rules between them.
    rows: [{
      label: rows.map(({ engine }) => [{ text: engine }]),
      cells: [
        ...columns(rows.map((row) => cells(row, operation, withMemory))).map((column) =>
          column.map((text) => [{ text }])
        ),
        rows.map(({ agreement, sound }) => [{ text: clipped(agreement), tone: sound ? "plain" : "bad" }]),
      ],
    }],
  };
}

/** A table must not grow as wide as an error message; the whole of it follows on standard error. */
const clipped = (text: string) => text.length > 60 ? `${text.slice(0, 59)}…` : text;

/** The work of one call. */
const amountOf = ({ flops, bytes }: MeasuredOperation): string =>
  flops !== null ? `${short(flops / 1e9)} GFLOP` : bytes !== null ? `${short(bytes / 1e6)} MB` : "";

const columns = (rows: string[][]): string[][] => rows[0].map((_, i) => rows.map((row) => row[i]));

export function operationTables(results: BenchResults): TableView {
  return {
    title: "Engines side by side",
    heading: headingOf(results),
    blocks: results.operations.map(block),
    legend: legend(results),
    notes: [],
  };
}

/** All operations of a family in one table, a column an engine: median and, in brackets, our time by it. */
export function familyTables(results: BenchResults): TableView {
  const families = new Map<string, MeasuredOperation[]>();
  for (const operation of results.operations) {
    const family = operation.name.split("/")[0];
    families.set(family, [...families.get(family) ?? [], operation]);
  }
  return {
    title: "Engines side by side",
    heading: [
      ...headingOf(results),
      "Cells: median ms, and in brackets our time by the engine's (below 1 we are faster).",
    ],
    blocks: [...families].map(([family, operations]) => familyBlock(family, operations)),
    legend: legend(results),
    notes: faults(results).map((text) => [{ text, tone: "bad" }]),
  };
}

function familyBlock(family: string, operations: MeasuredOperation[]): Block {
  const all = operations.map(rowsOf);
  // Engines that can do nothing of a family need no column in it.
  const engines = [
    ...new Set(all.flat().filter(({ ms, sound }) => ms !== null || !sound).map(({ engine }) => engine)),
  ];
  const [ours, ...peers] = engines;
  return {
    corner: family,
    groups: [
      { title: ours ?? "", columns: ["ms", rateUnit(operations[0])] },
      ...peers.map((title) => ({ title, columns: ["ms"] })),
    ],
    rows: operations.map(({ name }, i) => {
      const rows = new Map(all[i].map((row) => [row.engine, row]));
      const own = rows.get(ours);
      const texts = [
        short(own?.ms ?? null),
        short(own?.rate ?? null),
        ...peers.map((engine) => {
          const row = rows.get(engine);
          if (row === undefined) return "–";
          if (!row.sound) return row.agreement.startsWith("NO") ? "differs" : "failed";
          return row.ratio === null ? short(row.ms) : `${short(row.ms)} (${row.ratio.toFixed(2)})`;
        }),
      ];
      return { label: [[{ text: name.slice(family.length + 1) }]], cells: texts.map((text) => [[{ text }]]) };
    }),
  };
}

/** One line for each engine that failed or disagreed. */
export function faults(results: BenchResults): string[] {
  return results.operations.flatMap((operation) =>
    rowsOf(operation).filter(({ sound }) => !sound).map(({ engine, agreement }) =>
      `${operation.name}: ${engine}: ${agreement}`
    )
  );
}
