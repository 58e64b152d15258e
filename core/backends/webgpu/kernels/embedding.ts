// Embedding look-up and its gradient. The gradient adds rows of equal index in their order without atomics: occurrences of
// an index are linked first, then the first one of each walks its chain. Tables beyond the binding limit go in windows.

import type { DeviceBuffer } from "../../backend.ts";
import type { KernelSet } from "../../kernels.ts";
import { bindings, parameters } from "../program.ts";
import { grid, linearMain, type Recorder, type View } from "../recorder.ts";
import { groupSize, own } from "./windows.ts";

const gradientLanes = 64;

export function embeddingKernels(recorder: Recorder) {
  /** Windows of whole rows of a table; one, the whole, where it can be bound at once. */
  function tableWindows(
    table: DeviceBuffer,
    rows: number,
    width: number,
    run: (window: ReturnType<typeof own> | View, firstRow: number, endRow: number) => void,
  ): void {
    const limit = recorder.device.limits.maxStorageBufferBindingSize;
    if (rows * width * 4 <= limit) {
      run(own(table), 0, rows);
      return;
    }
    // 64 rows of any width start at a multiple of 256 bytes.
    const step = Math.floor(limit / (width * 4 * 64)) * 64;
    for (let first = 0; first < rows; first += step) {
      const count = Math.min(step, rows - first);
      run({ buffer: own(table), offset: first * width * 4, bytes: count * width * 4 }, first, first + count);
    }
  }

  return {
    embedding({ table, indices, out, count, rows, width }) {
      const program = recorder.program("embedding", (name) => ({
        name,
        bindings: bindings("table indices:i32 → out"),
        parameters: parameters("length width firstRow endRow"),
        body: linearMain(
          groupSize,
          `
  if (i >= p.length) { return; }
  let row = u32(indices[i / p.width]);
  if (row < p.firstRow || row >= p.endRow) { return; }
  out[i] = table[(row - p.firstRow) * p.width + i % p.width];`,
        ),
      }));
      const length = count * width;
      tableWindows(table, rows, width, (window, first, end) => {
        const groups = grid(Math.ceil(length / groupSize));
        recorder.dispatch(program, [window, own(indices), own(out)], [length, width, first, end], groups);
      });
    },
    embeddingGrad({ dy, indices, dtable, count, rows, width, ignored }) {
      const clear = recorder.program("embeddingGrad/clear", (name) => ({
        name,
        bindings: bindings("→ dtable"),
        parameters: parameters("length"),
        body: linearMain(groupSize, "  if (i < p.length) { dtable[i] = 0.0; }"),
      }));
      // next[i]: the following position of the same index, or count; after those, 1 where no earlier position has it.
      const link = recorder.program("embeddingGrad/link", (name) => ({
        name,
        bindings: bindings("indices:i32 → next:u32"),
        parameters: parameters("count"),
        body: linearMain(
          64,
          `
  if (i >= p.count) { return; }
  let index = indices[i];
  var first = 1u;
  for (var j = 0u; j < i; j++) { if (indices[j] == index) { first = 0u; break; } }
  var following = i + 1u;
  while (following < p.count) { if (indices[following] == index) { break; } following++; }
  next[i] = following;
  next[p.count + i] = first;`,
        ),
      }));
      const add = recorder.program("embeddingGrad/add", (name) => ({
        name,
        bindings: bindings("dy indices:i32 next:u32 → dtable"),
        parameters: parameters("count width firstRow endRow ignored:i32"),
        body: linearMain(
          gradientLanes,
          `
  if (group >= p.count) { return; }
  if (indices[group] == p.ignored) { return; }
  let row = u32(indices[group]);
  if (next[p.count + group] == 0u || row < p.firstRow || row >= p.endRow) { return; }
  for (var c = lane; c < p.width; c += ${gradientLanes}u) {
    var sum = 0.0;
    for (var j = group; j < p.count; j = next[j]) { sum += dy[j * p.width + c]; }
    dtable[(row - p.firstRow) * p.width + c] = sum;
  }`,
        ),
      }));
      const next = recorder.pool.allocate(2 * count, "i32");
      recorder.dispatch(link, [own(indices), next], [count], grid(Math.ceil(count / 64)));
      tableWindows(dtable, rows, width, (window, first, end) => {
        const length = (end - first) * width;
        recorder.dispatch(clear, [window], [length], grid(Math.ceil(length / groupSize)));
        recorder.dispatch(
          add,
          [own(dy), own(indices), next, window],
          [count, width, first, end, ignored],
          grid(count),
        );
      });
      recorder.pool.free(next);
    },
  } satisfies Partial<KernelSet>;
}
