// Promises `repro list`: what can be reproduced. Leaves the content to papers/.
import { writeOutput } from "../../repro/runtime.ts";
import { columns, rows } from "../../papers/fun-with-fisher/tables/table1.ts";
import type { Command } from "./command.ts";

export const command: Command = {
  name: "list",
  summary: "list what can be reproduced, with rows and columns",
  options: [],
  run() {
    writeOutput(
      `table1  zero-shot transfer on MLQA, XQuAD, XCOPA and XNLI\n  rows     ${rows.join(" ")}\n  columns  ${
        columns.join(" ")
      }\n`,
    );
    return Promise.resolve(0);
  },
};
