// Promises `repro claims`: what a paper claims in prose, judged on its own printed numbers and on this project's stored runs.
// Leaves the predicates to the paper's folder and repro/claims; nothing is trained.
import { claimsMarkdown, claimsText, judgeClaims, publishedEvidence } from "../../repro/claims/mod.ts";
import { resolve, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import { storedEvidence } from "../../repro/tables/mod.ts";
import { paperOf } from "../papers.ts";
import { listOf, UsageError } from "../ui/usage.ts";
import type { Command } from "./command.ts";

export const command: Command = {
  name: "claims",
  summary: "a paper's claims in prose, each with a verdict on its own numbers and on the stored tiny runs",
  positions: ["[paper]"],
  options: [
    { flag: "--only <ids>", help: "some claims, separated by commas" },
    { flag: "--cases", help: "show every case with its arithmetic" },
    { flag: "--json", help: "one JSON object on standard output" },
    { flag: "--markdown", help: "a Markdown table" },
    { flag: "--out <file>", help: "also write it to a file" },
  ],
  async run(values, [which]) {
    if (values.json && values.markdown) throw new UsageError("claims: choose one of --json and --markdown");
    const paper = await paperOf(which);
    const claims = paper.claims ?? [];
    const chosen = listOf("claim", values.only, claims.map(({ id }) => id));
    const evidence = { paper: publishedEvidence(paper.printed), "tiny runs": await storedEvidence(paper) };
    const judged = judgeClaims(claims.filter(({ id }) => chosen.includes(id)), evidence);
    const note =
      "tiny runs: this project's stored runs at scale tiny, in a small world of its own; they neither confirm nor refute the paper.\n";
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
