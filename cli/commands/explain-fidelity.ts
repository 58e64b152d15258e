// Promises `repro explain fidelity`: what differs between a paper's text and its authors' code, what each side does and how to
// choose. Leaves the list to each paper's folder and acting on it to the files that it names.
import type { Deviation, Paper } from "../../repro/paper/mod.ts";
import { writeOutput } from "../../repro/runtime.ts";
import { type FidelityItem, fidelityItems } from "../../repro/spec/mod.ts";
import { paperOf, papers } from "../papers.ts";
import type { Values } from "../ui/arguments.ts";

export async function explainFidelity(values: Values): Promise<number> {
  const chosen = values.paper === undefined ? await papers() : [await paperOf(String(values.paper))];
  const all = chosen.flatMap((paper) =>
    (paper.deviations ?? []).map((each) => ({ ...each, of: paper, actsIn: actsIn(paper, each) }))
  );
  if (values.json) {
    writeOutput(JSON.stringify(all.map((each) => ({ ...each, of: each.of.id })), null, 2) + "\n");
    return 0;
  }
  writeOutput(
    "Each run follows the paper or its authors' code: --fidelity paper, or --fidelity authors-code (the default).\n" +
      "Single items may follow the other: --fidelity authors-code,fisher-label=paper\n",
  );
  const width = Math.max(0, ...all.map(({ id }) => id.length)) + 2;
  for (const paper of chosen) {
    if (chosen.length > 1) writeOutput(`\n${paper.shortTitle}\n`);
    for (const each of all.filter(({ of }) => of === paper)) show(each, each.actsIn, width);
  }
  return 0;
}

/** The file that acts on it, for the reader of the code. */
function actsIn(paper: Paper, { item }: Deviation): string | null {
  if (item === null) return null;
  return paper.settingItems?.includes(item)
    ? `papers/${paper.id}/hyperparameters.ts`
    : fidelityItems[item as FidelityItem];
}

function show(
  { id, topic, paper, authorsCode, changes, read, item, note }: Deviation,
  file: string | null,
  width: number,
): void {
  const lines = [
    ["paper", `${paper}  [${read.paper}]`],
    ["code", `${authorsCode}  [${read.code}]`],
    ["changes", changes],
    ["switch", item === null ? "none" : `${item}, acts in ${file}`],
    ...note === undefined ? [] : [["note", note]],
  ];
  writeOutput(`\n${id.padEnd(width)}${topic}\n`);
  for (const [label, text] of lines) writeOutput(`  ${label.padEnd(9)}${text}\n`);
}
