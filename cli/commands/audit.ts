// Promises `repro audit`: whether what the paper prints fits together, found by rules, with nothing trained; exit code 1 when
// there is a contradiction. Leaves the rules to repro/audit and what a paper declares to its folder.
import { audit, auditedPaper, auditMarkdown, auditText, rules } from "../../repro/audit/mod.ts";
import { terminalColumns } from "../../repro/launch/process.ts";
import { resolve, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import { paperOf } from "../papers.ts";
import { oneOf, UsageError } from "../ui/usage.ts";
import type { Command } from "./command.ts";

export const command: Command = {
  name: "audit",
  summary:
    "check the paper's printed numbers, headings and claims by rules; exit code 0 without a contradiction, 1 with one",
  positions: ["[paper]"],
  options: [
    { flag: "--rules <names>", help: `some rules, separated by commas: ${Object.keys(rules).join(", ")}` },
    { flag: "--json", help: "one JSON object on standard output, with every place" },
    { flag: "--markdown", help: "the findings as Markdown tables" },
    { flag: "--out <file>", help: "also write it to a file" },
  ],
  async run(values, [which]) {
    if (values.json && values.markdown) throw new UsageError("audit: choose one of --json and --markdown");
    const names = values.rules === undefined
      ? Object.keys(rules)
      : String(values.rules).split(",").map((name) => oneOf("rule", name.trim(), Object.keys(rules)));
    const report = audit(auditedPaper(await paperOf(which)), names);
    const text = values.json
      ? JSON.stringify(report, null, 2) + "\n"
      : values.markdown
      ? auditMarkdown(report)
      : auditText(report, { width: Math.max(80, Math.min(140, terminalColumns())) });
    writeOutput(text);
    if (values.out !== undefined) await writeAtomic(resolve(String(values.out)), text);
    return report.count.contradiction > 0 ? 1 : 0;
  },
};
