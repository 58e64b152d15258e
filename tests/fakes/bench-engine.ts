// Promises an engine process for tests of the bench: matrix products by plain loops, faulty in the way that its argument names.
// Leaves the protocol to bench/engines/serve.ts.
import process from "node:process";
import type { Engine, PreparedWork } from "../../bench/engines/engine.ts";
import { serve } from "../../bench/engines/serve.ts";
import { values } from "../../bench/work/inputs.ts";
import type { Work } from "../../bench/work/work.ts";

export type Fault = "none" | "one-element" | "nan" | "dies" | "throws" | "no-work";

function prepare(work: Work, fault: Fault): PreparedWork | null {
  if (work.kind !== "matmul" || fault === "no-work") return null;
  if (fault === "throws") throw new Error("a deliberate failure");
  const { m, n, k } = work;
  const a = values(m * k, 1), b = values(k * n, 2), y = new Float32Array(m * n);
  const run = () => {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += a[i * k + l] * b[l * n + j];
        y[i * n + j] = sum;
      }
    }
    if (fault === "one-element") y[m * n - 1] *= 1.01;
    if (fault === "nan") y[0] = NaN;
  };
  return {
    run() {
      if (fault === "dies") process.exit(3);
      run();
    },
    settle: () => Promise.resolve(),
    outputs() {
      run();
      return Promise.resolve({ y });
    },
    dispose() {},
  };
}

const fault = process.argv[2] as Fault;
const engine: Engine = {
  facts: { version: "1", description: `fault: ${fault}` },
  prepare: (work) => Promise.resolve().then(() => prepare(work, fault)),
};
await serve(() => Promise.resolve(engine));
