// Promises `repro claims`: what a paper claims in prose, judged on its own printed numbers, on this project's stored runs and, when
// asked, on the runs of a store. Leaves the predicates to the paper's folder and repro/claims; nothing is trained.
import {
  type Claim,
  claimNote,
  claimsMarkdown,
  claimsText,
  type Evidence,
  judgeClaims,
  publishedEvidence,
} from "../../repro/claims/mod.ts";
import { type Paper, requestsOf } from "../../repro/paper/mod.ts";
import { RunStore, storeFolder } from "../../repro/runs/mod.ts";
import { resolve, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import { runId } from "../../repro/spec/mod.ts";
import { storedEvidence, storeEvidence, storeEvidenceName } from "../../repro/tables/mod.ts";
import { paperOf, papers } from "../papers.ts";
import type { Values } from "../ui/arguments.ts";
import { listOf, UsageError } from "../ui/usage.ts";
import type { Command } from "./command.ts";
import { runOptions, setupFor } from "./setup.ts";

const known = await papers();

/** The finished runs of the setup that the options describe, under the name that says what they rest on. */
async function ofStore(
  paper: Paper,
  claims: readonly Claim[],
  values: Values,
): Promise<Record<string, Evidence>> {
  const requests = paper.tables.flatMap((table) => table.kind === "results" ? requestsOf(paper, table) : []);
  const { setup } = await setupFor(values, paper, requests);
  const store = new RunStore(storeFolder(values.store === undefined ? undefined : String(values.store)));
  const evidence = await storeEvidence(paper, setup, claims, {
    finished: async (spec) => await store.finished(await runId(spec)),
    trace: (run) => store.log(run.id, "trf"),
  });
  return { [storeEvidenceName(setup, evidence)]: evidence };
}

export const command: Command = {
  name: "claims",
  summary: "a paper's claims in prose, each with a verdict on its own numbers and on runs",
  positions: ["[paper]"],
  options: [
    { flag: "--only <ids>", help: "some claims, separated by commas" },
    { flag: "--cases", help: "show every case with its arithmetic" },
    { flag: "--runs", help: "also on the finished runs of the store, as the following options choose them" },
    ...runOptions(known),
    { flag: "--json", help: "one JSON object on standard output" },
    { flag: "--markdown", help: "a Markdown table" },
    { flag: "--out <file>", help: "also write it to a file" },
  ],
  async run(values, [which]) {
    if (values.json && values.markdown) throw new UsageError("claims: choose one of --json and --markdown");
    const paper = await paperOf(which);
    const all = paper.claims ?? [];
    if (all.length === 0) throw new UsageError(`claims: ${paper.shortTitle} declares none`);
    const chosen = listOf("claim", values.only, all.map(({ id }) => id));
    const claims = all.filter(({ id }) => chosen.includes(id));
    const evidence: Record<string, Evidence> = {
      paper: publishedEvidence(paper.printed),
      "stored tiny runs": await storedEvidence(paper),
    };
    if (values.runs) Object.assign(evidence, await ofStore(paper, claims, values));
    const judged = judgeClaims(claims, evidence);
    const note =
      `scale tiny is a small world made by this project: its runs neither confirm nor refute the paper.\n${claimNote}\n`;
    const text = values.json
      ? JSON.stringify({ note: note.trim(), claims: judged }, null, 2) + "\n"
      : values.markdown
      ? note + "\n" + claimsMarkdown(judged, Object.keys(evidence))
      : note + claimsText(judged, { cases: values.cases === true });
    writeOutput(text);
    if (values.out !== undefined) await writeAtomic(resolve(String(values.out)), text);
    return 0;
  },
};
