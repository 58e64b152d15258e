// Promises `repro explain`: where a number of a table comes from, and whatever other topics there are, each in its own file.
// Leaves the answers to those files.
import type { Values } from "../ui/arguments.ts";
import type { Command } from "./command.ts";
import { explainCell, explainOptions } from "./explain-cell.ts";
import { explainFidelity } from "./explain-fidelity.ts";

/** Topics that are no table. */
const topics: Record<string, (values: Values) => Promise<number>> = { fidelity: explainFidelity };

export const command: Command = {
  name: "explain",
  summary: "where a number comes from: table1 mbert/gu/xquad/average; fidelity: where paper and code differ",
  positions: ["<topic>", "[cell]"],
  options: [...explainOptions, { flag: "--json", help: "one JSON object on standard output" }],
  async run(values, [topic, cell]) {
    if (topic !== undefined && Object.hasOwn(topics, topic)) return await topics[topic](values);
    return await explainCell(values, topic, cell);
  },
};
