// Products with a matrix larger than a device binds at once (XLM-R's embedding table as the decoder of masked-language modelling, and
// its gradients): cut into windows of whole rows. It leaves each window's product to matmul.ts.

import type { DeviceBuffer } from "../../backend.ts";
import type { KernelSet, MatmulArguments } from "../../kernels.ts";
import { HalfBuffer } from "../half.ts";
import type { Recorder } from "../recorder.ts";
import { own } from "./windows.ts";

/** Calls `run` once, or for windows of the operands that can be bound. What cannot be cut is left to the binding's own error. */
export function inWindows(
  recorder: Recorder,
  copy: KernelSet["stridedCopy"],
  args: MatmulArguments,
  run: (args: MatmulArguments) => void,
): void {
  const { a, b, out, bias, batch, m, n, k, transposeA, transposeB, accumulate } = args;
  const limit = recorder.device.limits.maxStorageBufferBindingSize;
  const isLarge = (x: DeviceBuffer) => x.length * 4 > limit;
  const largeB = isLarge(b), largeRows = isLarge(out) || (isLarge(a) && !transposeA);
  if (batch !== 1 || b instanceof HalfBuffer || !(largeB || largeRows)) return run(args);

  const { pool } = recorder;
  /** Rows of `width` elements that can be bound; views begin at multiples of 64 elements. */
  const rowsWithin = (width: number) => Math.floor(limit / (4 * width * 64)) * 64;
  const within = (x: DeviceBuffer, offset: number, length: number, use: (part: DeviceBuffer) => void) => {
    const part = pool.view(own(x), offset, length);
    use(part);
    pool.free(part);
  };
  const temporary = (length: number, use: (buffer: DeviceBuffer) => void) => {
    const buffer = pool.allocate(length, "f32");
    use(buffer);
    pool.free(buffer);
  };
  /** Columns `first` … of a matrix of `width` columns, to or from one of `count`. */
  const columns = (rows: number, width: number, first: number, count: number) => ({
    take: (x: DeviceBuffer, to: DeviceBuffer) =>
      copy({
        x,
        out: to,
        shape: [rows, count],
        xStrides: [width, 1],
        outStrides: [count, 1],
        xOffset: first,
        outOffset: 0,
      }),
    put: (x: DeviceBuffer, to: DeviceBuffer) =>
      copy({
        x,
        out: to,
        shape: [rows, count],
        xStrides: [count, 1],
        outStrides: [width, 1],
        xOffset: 0,
        outOffset: first,
      }),
  });
  const forRows = (total: number, step: number, use: (first: number, count: number) => void) => {
    for (let first = 0; first < total; first += step) use(first, Math.min(step, total - first));
  };

  if (largeB && transposeB) {
    const step = rowsWithin(k);
    if (step === 0) return run(args);
    forRows(
      n,
      step,
      (first, count) =>
        within(b, first * k, count * k, (rows) =>
          temporary(m * count, (product) => {
            const part = columns(m, n, first, count);
            if (accumulate) part.take(out, product);
            const window = { ...args, b: rows, out: product, n: count };
            if (bias === undefined) run(window);
            else within(bias, first, count, (those) => run({ ...window, bias: those }));
            part.put(product, out);
          })),
    );
  } else if (largeB) {
    const step = rowsWithin(n);
    if (step === 0) return run(args);
    forRows(k, step, (first, count) =>
      within(b, first * n, count * n, (rows) => {
        const window = {
          ...args,
          b: rows,
          k: count,
          bias: first === 0 ? bias : undefined,
          accumulate: accumulate || first > 0,
        };
        if (transposeA) return within(a, first * m, count * m, (part) => run({ ...window, a: part }));
        temporary(m * count, (part) => {
          columns(m, k, first, count).take(a, part);
          run({ ...window, a: part });
        });
      }));
  } else {
    const step = rowsWithin(Math.max(n, transposeA ? 0 : k));
    if (step === 0) return run(args);
    forRows(m, step, (first, count) =>
      within(out, first * n, count * n, (rows) => {
        const window = { ...args, out: rows, m: count };
        if (!transposeA) return within(a, first * k, count * k, (part) => run({ ...window, a: part }));
        temporary(k * count, (part) => {
          columns(k, m, first, count).take(a, part);
          run({ ...window, a: part });
        });
      }));
  }
}
