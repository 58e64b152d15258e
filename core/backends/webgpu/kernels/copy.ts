// Kernels that move elements without changing them: copies between offsets and between strided layouts.
// They work on bits, so one shader serves f32 and i32.

import { viewAlignment } from "../../backend.ts";
import type { KernelSet } from "../../kernels.ts";
import { bindings, parameters } from "../program.ts";
import { grid, linearMain, type Recorder } from "../recorder.ts";
import { axisOffsets, axisParameters, axisValues, mergeAxes } from "./axes.ts";
import { forWindows, groupSize, own } from "./windows.ts";

export function copyKernels(recorder: Recorder) {
  return {
    copy({ x, out, length, xOffset, outOffset }) {
      const program = recorder.program("copy", (name) => ({
        name,
        bindings: bindings("x:u32 → out:u32"),
        parameters: parameters("length xOffset outOffset"),
        body: linearMain(groupSize, `  if (i < p.length) { out[p.outOffset + i] = x[p.xOffset + i]; }`),
      }));
      const views = xOffset % viewAlignment === 0 && outOffset % viewAlignment === 0;
      if (views && length * 4 > recorder.device.limits.maxStorageBufferBindingSize) {
        const parts = [x, out].map((each, i) =>
          recorder.pool.view(own(each), [xOffset, outOffset][i], length)
        );
        forWindows(recorder, parts, length, (windows, _start, count) => {
          recorder.dispatch(program, windows, [count, 0, 0], grid(Math.ceil(count / groupSize)));
        });
        for (const part of parts) recorder.pool.free(part);
        return;
      }
      const groups = grid(Math.ceil(length / groupSize));
      recorder.dispatch(program, [own(x), own(out)], [length, xOffset, outOffset], groups);
    },
    stridedCopy({ x, out, shape, xStrides, outStrides, xOffset, outOffset }) {
      const length = shape.reduce((product, size) => product * size, 1);
      const axes = mergeAxes("stridedCopy", shape, [xStrides, outStrides]);
      const rank = axes.shape.length;
      const program = recorder.program(`stridedCopy/${rank}`, (name) => ({
        name,
        bindings: bindings("x:u32 → out:u32"),
        parameters: parameters(`length xOffset outOffset ${axisParameters(rank, ["x", "out"])}`),
        body: linearMain(
          groupSize,
          `  if (i >= p.length) { return; }
  ${axisOffsets(rank, ["x", "out"])}
  out[p.outOffset + outAt] = x[p.xOffset + xAt];`,
        ),
      }));
      const values = [length, xOffset, outOffset, ...axisValues(axes)];
      recorder.dispatch(program, [own(x), own(out)], values, grid(Math.ceil(length / groupSize)));
    },
  } satisfies Partial<KernelSet>;
}
