// Promises `repro list`: what can be reproduced. Leaves the content to papers/.
import { columns, rows } from "../../papers/fun-with-fisher/tables/table1.ts";
import process from "node:process";
import type { Command } from "./command.ts";

export const command: Command = {
  name: "list",
  summary: "list what can be reproduced, with rows and columns",
  options: [],
  run() {
    process.stdout.write(
      `table1  zero-shot transfer on MLQA, XQuAD, XCOPA and XNLI\n  rows     ${rows.join(" ")}\n  columns  ${
        columns.join(" ")
      }\n`,
    );
    return Promise.resolve(0);
  },
};
