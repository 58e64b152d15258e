// Promises `repro selftest`: runs a table with each deliberate fault and says which cells notice it (--mutants), or prints what
// was stored of that (--power). Leaves the faults to repro/training/mutants.ts, verdicts to repro/checks.
import { fidelityWords, requestsOf, wantedRuns } from "../../repro/paper/mod.ts";
import { terminalColumns } from "../../repro/launch/process.ts";
import { type Drawn, render } from "../../repro/render/mod.ts";
import { outputIsTerminal, resolve, warn, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import { numericsVersion } from "../../repro/spec/mod.ts";
import { judgeTable, loadReference, referencePath } from "../../repro/tables/mod.ts";
import {
  loadPower,
  type MutantPower,
  type PowerFile,
  powerOf,
  powerPath,
  powerView,
} from "../../repro/tables/power.ts";
import { type Mutant, mutants } from "../../repro/training/mutants.ts";
import type { Values } from "../ui/arguments.ts";
import { formatOf } from "../ui/formats.ts";
import { listOf, UsageError } from "../ui/usage.ts";
import { paperOf, papers, resultTarget } from "../papers.ts";
import type { Command } from "./command.ts";
import { makeRuns } from "./make-runs.ts";
import { choiceOf, setupFor, someOptions } from "./setup.ts";
import { outputOptions, runsOfTable } from "./table.ts";

const names = Object.keys(mutants) as Mutant[];

export const command: Command = {
  name: "selftest",
  summary: "show that the checks notice deliberate faults: --mutants, or --power for what was stored of it",
  positions: ["[table]"],
  options: [
    { flag: "--mutants", help: "run the table with each deliberate fault" },
    { flag: "--power", help: "print the stored result of --mutants" },
    { flag: "--save", help: "with --mutants: store the result in the paper's folder" },
    { flag: "--only <mutants>", help: `only these: ${names.join(", ")}` },
    ...someOptions(await papers(), ["seeds", "rows", "columns", "backend", "fidelity", "store", "jobs"], "1"),
    ...outputOptions,
  ],
  async run(values, [which]) {
    if (!values.mutants && !values.power) {
      throw new UsageError("selftest: say what to test: --mutants, or --power for the stored result");
    }
    const { paper, table } = await resultTarget(which ?? (await paperOf(undefined)).tables[0].id);
    if (values.power) {
      const file = await loadPower(powerPath(paper, table.id));
      if (file === null) {
        warn("selftest: no result is stored; make it: repro selftest --mutants --save");
        return 1;
      }
      return await show(
        { view: powerView(paper, table, file), summary: { ...file }, records: flat(file) },
        values,
      );
    }
    const reference = await loadReference(referencePath(paper, table.id));
    if (reference === null) {
      warn(`selftest: there is no stored reference to compare with; make it: repro reference ${table.id}`);
      return 1;
    }
    const results: MutantPower[] = [];
    let device = "", fidelity = "", seeds: readonly number[] = [];
    for (const mutant of listOf("mutant", values.only, names)) {
      const touched = paper.touched?.[mutant];
      const rows = values.rows ??
        table.rows.filter(({ method }) => touched?.includes(method) ?? true).map(({ id }) => id).join();
      const choice = choiceOf({ ...values, rows }, table);
      const { setup } = await setupFor(
        { ...values, scale: "tiny" },
        paper,
        requestsOf(paper, table, choice),
        {
          mutant,
        },
      );
      const { store, interrupted, runs: made } = await makeRuns(
        wantedRuns(paper, table, setup, choice).map(({ spec }) => spec),
        values,
      );
      if (interrupted) return 130;
      ({ seeds } = setup);
      fidelity = fidelityWords(setup);
      device = made[0]?.[1].provenance.device ?? device;
      const runs = await runsOfTable(store, paper, table, setup, choice);
      const { cells } = await judgeTable({ paper, table, setup, choice, runs, file: reference });
      results.push(powerOf(mutant, mutants[mutant as Mutant], cells));
      const noticed = cells.filter(({ verdict }) => verdict === "inconsistent");
      if (values.json) continue;
      writeOutput(
        `${noticed.length > 0 ? "noticed" : "NOT NOTICED"}  ${mutant}: ${mutants[mutant as Mutant]}\n` +
          `  ${noticed.length} of ${cells.length} cells left their tolerance\n` +
          noticed.slice(0, 3).map(({ row, column, why }) => `  ${row} ${column}: ${why}\n`).join(""),
      );
    }
    const file: PowerFile = {
      format: 1,
      table: table.id,
      scale: "tiny",
      fidelity,
      seeds: [...seeds],
      command: `repro selftest ${table.id} --mutants --seeds ${seeds.length} --save`,
      made: { date: new Date().toISOString().slice(0, 10), device, numericsVersion },
      mutants: results,
    };
    if (values.save) await writeAtomic(powerPath(paper, table.id), JSON.stringify(file, null, 1) + "\n");
    if (values.json) writeOutput(JSON.stringify(file, null, 2) + "\n");
    return results.every(({ cells }) => cells.some(({ noticed }) => noticed)) ? 0 : 1;
  },
};

const flat = (file: PowerFile) =>
  file.mutants.flatMap(({ mutant, cells }) =>
    cells.map(({ row, column, noticed, difference, tolerance }) => ({
      mutant,
      row,
      column,
      noticed,
      difference: difference ?? null,
      tolerance: tolerance ?? null,
    }))
  );

async function show(drawn: Drawn, values: Values): Promise<number> {
  const format = formatOf("selftest", values);
  writeOutput(render(drawn, format, { width: Math.max(100, terminalColumns()), colour: outputIsTerminal() }));
  if (values.out !== undefined) {
    const path = resolve(String(values.out));
    await writeAtomic(
      path,
      render(drawn, formatOf("--out", { out: path }, format), { width: 100, colour: false }),
    );
  }
  return 0;
}
