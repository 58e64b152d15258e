// Sums, maxima and sums of squares over an axis. Long axes are cut into chunks of fixed size whose partial results are
// reduced again: more parallel, more exact, and always in the same order.

import type { DeviceBuffer } from "../../backend.ts";
import type { KernelSet } from "../../kernels.ts";
import type { WebgpuBuffer } from "../pool.ts";
import { bindings, parameters } from "../program.ts";
import { grid, linearMain, type Recorder, type View } from "../recorder.ts";
import { lowest, rowMain, rowsPerGroup } from "./rows.ts";
import { forWindows, groupSize, own } from "./windows.ts";

interface Reduction {
  operation: "sum" | "max" | "sumSquares";
  x: WebgpuBuffer | View;
  out: DeviceBuffer;
  outer: number;
  size: number;
  inner: number;
  scale: number;
  accumulate: boolean;
}

const steps = {
  sum: { start: "0.0", step: "value + x[at]", join: "whole + value", combine: "sumLanes" },
  sumSquares: { start: "0.0", step: "value + x[at] * x[at]", join: "whole + value", combine: "sumLanes" },
  max: { start: lowest, step: "max(value, x[at])", join: "max(whole, value)", combine: "maxLanes" },
};

/** One running sum over a long row loses digits; sums of this many elements are added up instead. */
const block = 32;

/** Elements of one chunk, and the number of results above which chunks would only add work. */
const chunkSize = { rows: 1024, columns: 64 };
const enoughResults = { rows: 512, columns: 16384 };

export function reduction(recorder: Recorder) {
  const { profile } = recorder;

  /** One pass: result (o, chunk, i) over its part of the axis. */
  function pass(args: Reduction, chunk: number, chunks: number): void {
    const { operation, outer, size, inner, accumulate } = args;
    const { start, step, join, combine } = steps[operation];
    const kind = inner === 1 ? "rows" : "columns";
    const store = accumulate ? "out[result] += p.scale * value;" : "out[result] = p.scale * value;";
    const program = recorder.program(`reduce/${operation}/${kind}/${accumulate}`, (name) => ({
      name,
      bindings: bindings("x → out"),
      parameters: parameters("rows size inner chunk chunks scale:f32"),
      body: kind === "rows"
        ? rowMain(
          profile,
          `
  let first = (row % p.chunks) * p.chunk;
  let end = min(p.size, first + p.chunk);
  let base = (row / p.chunks) * p.size;
  var value = ${start};
  for (var begin = first + lane; begin < end; begin += ${block}u * lanes) {
    let whole = value;
    value = ${start};
    for (var c = begin; c < min(end, begin + ${block}u * lanes); c += lanes) { let at = base + c; value = ${step}; }
    value = ${join};
  }
  value = ${combine}(value, slot);
  let result = row;
  if (valid && lane == 0u) { ${store} }`,
        )
        : linearMain(
          groupSize,
          `
  if (i >= p.rows * p.inner) { return; }
  let row = i / p.inner;
  let first = (row % p.chunks) * p.chunk;
  let end = min(p.size, first + p.chunk);
  let base = (row / p.chunks) * p.size * p.inner + i % p.inner;
  var value = ${start};
  for (var begin = first; begin < end; begin += ${block}u) {
    let whole = value;
    value = ${start};
    for (var c = begin; c < min(end, begin + ${block}u); c++) { let at = base + c * p.inner; value = ${step}; }
    value = ${join};
  }
  let result = i;
  ${store}`,
        ),
    }));
    const rows = outer * chunks;
    const groups = kind === "rows"
      ? Math.ceil(rows / rowsPerGroup(profile))
      : Math.ceil(rows * inner / groupSize);
    recorder.dispatch(
      program,
      [args.x, own(args.out)],
      [rows, size, inner, chunk, chunks, args.scale],
      grid(groups),
    );
  }

  return function reduce(args: Reduction): void {
    const { operation, outer, size, inner } = args;
    if (outer * inner === 0) return;
    const kind = inner === 1 ? "rows" : "columns";
    const chunk = chunkSize[kind];
    if (size <= 2 * chunk || outer * inner >= enoughResults[kind]) {
      pass(args, Math.max(1, size), 1);
      return;
    }
    const chunks = Math.ceil(size / chunk);
    const partial = recorder.pool.allocate(outer * chunks * inner, "f32");
    pass({ ...args, out: partial, scale: 1, accumulate: false }, chunk, chunks);
    reduce({ ...args, operation: operation === "max" ? "max" : "sum", x: partial, size: chunks });
    recorder.pool.free(partial);
  };
}

export function reduceKernels(recorder: Recorder) {
  const reduce = reduction(recorder);
  return {
    reduce(args) {
      reduce({ ...args, x: own(args.x), accumulate: args.accumulate && args.operation === "sum" });
    },
    sumSquares({ x, out, rows, cols, accumulate }) {
      if (rows !== 1) {
        const shape = { outer: rows, size: cols, inner: 1 };
        reduce({ operation: "sumSquares", x: own(x), out, ...shape, scale: 1, accumulate });
        return;
      }
      // The gradient of a whole embedding table may exceed what can be bound at once.
      forWindows(recorder, [x], cols, ([window], start, size) => {
        const shape = { outer: 1, size, inner: 1 };
        reduce({
          operation: "sumSquares",
          x: window,
          out,
          ...shape,
          scale: 1,
          accumulate: accumulate || start > 0,
        });
      });
    },
  } satisfies Partial<KernelSet>;
}
