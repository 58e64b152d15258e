// Promises where one number of a table comes from: the rule, each seed's run with what it read and what made it, the reference,
// and the line of the paper. Leaves choosing the cell to the caller and judging to judge.ts.
import {
  countedLanguages,
  datasetOf,
  fidelityWords,
  metricTitle,
  type Paper,
  requestKey,
  requestOf,
  type ResultTable,
} from "../paper/mod.ts";
import type { FinishedRun } from "../runs/mod.ts";
import { runId } from "../spec/mod.ts";
import { type RunOfTable, tableCells } from "./cells.ts";
import { judgeTable, judgingRules, named, type TableInputs } from "./judge.ts";

export interface ExplainedSeed {
  seed: number;
  run: string;
  value: number | null;
  /** What makes this very run, or makes it again elsewhere. */
  command: string;
  /** Absent while the run is not finished. */
  made?: Record<string, unknown>;
}

export interface Explanation {
  table: string;
  row: string;
  column: string;
  scale: string;
  mean: number | null;
  sd: number | null;
  verdict: string;
  why: string;
  /** How the number follows from one run, in words. */
  rule: string;
  reads:
    | {
      model: string;
      modelRevision: string;
      /** SHA-256 by language, where `modelRevision` does not cover them. */
      languageAdapters?: Record<string, string>;
      data: string;
      dataRevision: string;
      settings: unknown;
    }
    | null;
  seeds: ExplainedSeed[];
  reference: unknown;
  /** How it was judged, where it was compared. */
  judged: string[];
  /** null: the paper prints nothing there, or `legible` is false. */
  paper: { text: string; read: string; line?: number } | null;
  legible: boolean;
  /** Other cells that the same runs feed. */
  shared: string[];
}

function ruleOf(paper: Paper, table: ResultTable, column: string, lowest: string | undefined): string {
  const declared = table.columns.find(({ id }) => id === column)!;
  const { title } = datasetOf(paper, declared.dataset);
  if (table.value) return `the table's own rule over ${title}`;
  const languages = countedLanguages(paper, declared, lowest);
  const of = `${metricTitle(declared.metric)} on ${title}`;
  if (declared.pick === "average") {
    return `${of}, averaged over ${languages.length} target languages without English (${
      languages.join(" ")
    })`;
  }
  if (declared.pick === "lowest") return `${of} in the lowest language, ${lowest ?? "not known yet"}`;
  return `${of} in ${languages[0]}`;
}

/** What of a run's provenance answers "made by what, when". */
function madeBy({ provenance, spec }: FinishedRun): Record<string, unknown> {
  const {
    device,
    runtime,
    platform,
    started,
    finished,
    seconds,
    peakMemoryBytes,
    partial,
    git,
    host,
    hashes,
  } = provenance;
  return {
    backend: spec.backend,
    device,
    runtime,
    platform,
    ...(host === undefined ? {} : { host }),
    ...(git === undefined ? {} : { git }),
    started,
    finished,
    seconds,
    peakMemoryBytes,
    numericsVersion: spec.numericsVersion,
    ...(hashes?.adapter === undefined ? {} : { adapterHash: hashes.adapter }),
    ...(partial === undefined ? {} : { partial }),
  };
}

/** Explains every column that begins with `column` in a row: "xquad/average" is its F1 and its EM. */
export async function explainCells(
  inputs: TableInputs,
  others: readonly { name: string; paper: Paper; table: ResultTable }[],
): Promise<Explanation[]> {
  const { paper, table, setup, choice, runs } = inputs;
  const judged = await judgeTable(inputs);
  const found = tableCells(paper, table, choice, runs, judged.lowest);
  return await Promise.all(judged.cells.map(async (cell, index): Promise<Explanation> => {
    const { request, values } = found[index];
    const mine = runs.filter((each) => requestKey(each.request) === requestKey(request));
    const lowest = judged.lowest[cell.row]?.[table.columns.find(({ id }) => id === cell.column)!.dataset];
    const spec = mine[0]?.spec;
    return {
      table: table.id,
      row: cell.row,
      column: cell.column,
      scale: setup.scale,
      mean: cell.mean,
      sd: cell.sd,
      verdict: cell.verdict,
      why: cell.why,
      rule: ruleOf(paper, table, cell.column, lowest),
      reads: spec === undefined ? null : {
        model: spec.model,
        modelRevision: spec.modelRevision,
        ...(spec.languageAdapters === undefined ? {} : { languageAdapters: spec.languageAdapters }),
        data: spec.data,
        dataRevision: spec.dataRevision,
        settings: spec.hyperparameters,
      },
      seeds: await Promise.all(
        mine.map((each) => explainSeed(each, values, cell, table, fidelityWords(setup))),
      ),
      reference: cell.reference,
      judged: judgingRules(table, [cell], inputs.file),
      paper: cell.paper === null ? null : {
        text: `${cell.paper.mean}${
          cell.paper.sd === undefined ? "" : ` ± ${cell.paper.sd}`
        } over ${cell.paper.n} runs`,
        read: cell.paper.read,
        ...(cell.paper.line === undefined ? {} : { line: cell.paper.line }),
      },
      legible: cell.legible,
      shared: others.flatMap((other) => sharedCells(other, paper, table, cell, requestKey(request))),
    };
  }));
}

async function explainSeed(
  { spec, run }: RunOfTable,
  values: ReadonlyMap<number, number>,
  { row, column }: { row: string; column: string },
  table: ResultTable,
  fidelity: string,
): Promise<ExplainedSeed> {
  const id = await runId(spec);
  const { seed, scale, backend, data } = spec;
  const root = data === "tiny" ? "" : ` --data-root ${data}`;
  return {
    seed,
    run: id,
    value: values.get(seed) ?? null,
    command: run === null
      ? `repro ${table.id} --scale ${scale}${root} --fidelity ${fidelity} --backend ${backend} --rows ${row} --columns ${column} --seeds ${seed},`
      : `repro run --spec <store>/${id}/spec.json`,
    ...(run === null ? {} : { made: madeBy(run) }),
  };
}

/** Cells of a table that the runs of a request feed; of this table all but the cell itself. */
function sharedCells(
  { name, paper, table }: { name: string; paper: Paper; table: ResultTable },
  of: Paper,
  own: ResultTable,
  cell: { row: string; column: string },
  key: string,
): string[] {
  if (paper !== of) return [];
  return table.rows.flatMap((row) => {
    const fed = table.columns.filter((column) =>
      requestKey(requestOf(paper, row, column)) === key &&
      !(table === own && row.id === cell.row && column.id === cell.column)
    );
    return fed.length === 0 ? [] : [`${name} ${row.id}: ${fed.length} cell${fed.length === 1 ? "" : "s"}`];
  });
}

const number = (value: number | null) => (value === null ? "–" : value.toFixed(2));

export function explanationLines(explanation: Explanation): string[] {
  const { table, row, column, scale, mean, sd, verdict, why, rule, reads, seeds, reference } = explanation;
  const { judged, paper, legible, shared } = explanation;
  const lines = [
    `${named(table)}, row ${row}, column ${column}, scale ${scale}`,
    `  ours      ${number(mean)} ± ${number(sd)} over ${
      seeds.filter(({ value }) => value !== null).length
    } seeds`,
    `  verdict   ${verdict}: ${why}`,
    `  rule      mean over seeds of ${rule}`,
  ];
  if (reads !== null) {
    lines.push(
      `  model     ${reads.model}, SHA-256 ${reads.modelRevision}`,
      ...Object.entries(reads.languageAdapters ?? {}).map(([code, digest]) =>
        `  adapter   language ${code}, SHA-256 ${digest}`
      ),
      `  data      ${reads.data}, SHA-256 ${reads.dataRevision}`,
      `  settings  ${
        Object.entries(reads.settings as object).map(([key, value]) => `${key} ${value}`).join(", ")
      }`,
    );
  }
  for (const { seed, run, value, command, made } of seeds) {
    lines.push(
      `  seed ${String(seed).padEnd(4)} ${number(value).padStart(6)}  run ${run}${
        made ? "" : ", not made yet"
      }`,
    );
    if (made !== undefined) {
      const git = made.git as { commit: string; dirty: boolean } | undefined;
      const commit = git === undefined
        ? ""
        : `, commit ${git.commit.slice(0, 12)}${git.dirty ? " with changes" : ""}`;
      lines.push(
        `            ${made.device}, ${made.runtime}${commit}, finished ${made.finished} after ${made.seconds} s`,
      );
      if (made.adapterHash !== undefined) {
        lines.push(`            what it trained (adapter and head): SHA-256 ${made.adapterHash}`);
      }
    }
    lines.push(`            ${command}`);
  }
  const compared = reference as { mean: number; n: number; tolerance?: number; from: string } | null;
  if (compared !== null) {
    const within = compared.tolerance === undefined ? "" : `, tolerance ${compared.tolerance.toFixed(2)}`;
    lines.push(
      `  reference ${compared.mean.toFixed(2)} over ${compared.n} runs, from ${compared.from}${within}`,
    );
  }
  for (const each of judged) lines.push(`  judged    ${each}`);
  lines.push(
    paper === null
      ? `  paper     ${legible ? "prints no number here" : "not legible in the source"}`
      : `  paper     ${paper.text}: ${paper.read}${
        paper.line === undefined ? "" : `, line ${paper.line} of its text`
      }`,
  );
  for (const each of shared) lines.push(`  also feeds ${each}`);
  return lines;
}
