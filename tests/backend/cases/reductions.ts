// Cases of reductions.

import { draw, type KernelCase, positive } from "./case.ts";

export const reductionsCases: KernelCase[] = [];

const reductions = [[1, 1003, 1], [13, 37, 1], [1, 37, 13], [3, 5, 7], [300, 3, 65], [1, 50021, 1], [
  5,
  1,
  4,
]];
for (const [outer, length, inner] of reductions) {
  for (const operation of ["sum", "max"] as const) {
    reductionsCases.push({
      kernel: "reduce",
      name: `${operation} of the middle of [${outer}, ${length}, ${inner}]`,
      inputs: { x: draw(outer * length * inner) },
      outputs: { out: outer * inner },
      run: (k, b) =>
        k.reduce({
          operation,
          x: b.x,
          out: b.out,
          outer,
          size: length,
          inner,
          scale: -0.25,
          accumulate: false,
        }),
      heavy: length > 50000,
    });
  }
  reductionsCases.push({
    kernel: "reduce",
    name: `sum added to what was there, [${outer}, ${length}, ${inner}]`,
    inputs: { x: draw(outer * length * inner), out: draw(outer * inner) },
    outputs: {},
    changes: ["out"],
    run: (k, b) =>
      k.reduce({
        operation: "sum",
        x: b.x,
        out: b.out,
        outer,
        size: length,
        inner,
        scale: 0.5,
        accumulate: true,
      }),
  });
}
for (const [rows, cols] of [[1, 1003], [17, 37], [129, 3], [1, 100003], [7, 1], [300, 257]]) {
  for (const accumulate of [false, true]) {
    const out = accumulate ? { inputs: { out: positive(rows) }, outputs: {} } : { outputs: { out: rows } };
    reductionsCases.push({
      kernel: "sumSquares",
      name: `[${rows}, ${cols}]${accumulate ? " added" : ""}`,
      inputs: { x: draw(rows * cols), ...out.inputs },
      outputs: out.outputs as Record<string, number>,
      changes: ["out"],
      run: (k, b) => k.sumSquares({ x: b.x, out: b.out, rows, cols, accumulate }),
      heavy: cols > 100000,
    });
  }
}
