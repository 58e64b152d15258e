// AdamW's update and the factor of gradient clipping, on the device so that a step needs no wait for a number.
// Step counts, schedules and which parameters take part are optim/'s.

import type { KernelSet } from "../../kernels.ts";
import { bindings, parameters } from "../program.ts";
import { grid, type Recorder } from "../recorder.ts";
import { reduction } from "./reduce.ts";
import { rowMain, rowsPerGroup } from "./rows.ts";
import { forWindows, groupSize, own } from "./windows.ts";

/** Elements whose squares one row of invocations sums, and those of one running sum. */
const chunkSize = 1024;
const block = 32;

export function optimizerKernels(recorder: Recorder) {
  const reduce = reduction(recorder);
  return {
    clipScale({ normSquared, out, maximum }) {
      const program = recorder.program("clipScale", (name) => ({
        name,
        bindings: bindings("normSquared → out"),
        parameters: parameters("maximum:f32"),
        body: `
@compute @workgroup_size(1)
fn main() { out[0] = min(1.0, p.maximum / (sqrt(normSquared[0]) + 0.000001)); }`,
      }));
      recorder.dispatch(program, [own(normSquared), own(out)], [maximum], [1]);
    },
    packedSumSquares({ x, segments, count, longest, out, accumulate }) {
      const chunks = Math.max(1, Math.ceil(longest / chunkSize));
      const rows = count * chunks;
      const program = recorder.program("packedSumSquares", (name) => ({
        name,
        bindings: bindings("x segments:i32 → sums"),
        parameters: parameters("rows chunks windowStart windowEnd"),
        body: rowMain(
          recorder.profile,
          `
  let start = u32(segments[(row / p.chunks) * 2u]);
  let chunk = start + (row % p.chunks) * ${chunkSize}u;
  let first = max(p.windowStart, chunk);
  let end = min(p.windowEnd, min(start + u32(segments[(row / p.chunks) * 2u + 1u]), chunk + ${chunkSize}u));
  var value = 0.0;
  // Sums of ${block} squares are added up: one running sum over a long chunk loses digits.
  for (var begin = first + lane; begin < end; begin += ${block}u * lanes) {
    var part = 0.0;
    for (var c = begin; c < min(end, begin + ${block}u * lanes); c += lanes) {
      let each = x[c - p.windowStart];
      part += each * each;
    }
    value += part;
  }
  value = sumLanes(value, slot);
  if (valid && lane == 0u) { sums[row] = value; }`,
        ),
      }));
      const partial = recorder.pool.allocate(rows, "f32");
      forWindows(recorder, [x], x.length, ([window], start, length) => {
        const groups = grid(Math.ceil(rows / rowsPerGroup(recorder.profile)));
        const values = [rows, chunks, start, start + length];
        recorder.dispatch(program, [window, own(segments), partial], values, groups);
        const whole = { outer: 1, size: rows, inner: 1, scale: 1, accumulate: accumulate || start > 0 };
        reduce({ operation: "sum", x: partial, out, ...whole });
      });
      recorder.pool.free(partial);
    },
    adamw(args) {
      const { parameter, gradient, firstMoment, secondMoment, gradientScale } = args;
      const scaled = gradientScale !== undefined;
      const program = recorder.program(`adamw/${scaled}`, (name) => ({
        name,
        bindings: bindings(
          `gradient ${
            scaled ? "gradientScale" : ""
          } segments:i32 scalars → parameter firstMoment secondMoment`,
        ),
        parameters: parameters("windowStart windowEnd beta1:f32 rest1:f32 beta2:f32 rest2:f32 epsilon:f32"),
        body: `
@compute @workgroup_size(${groupSize})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y;
  let inside = (group.z * groups.x + group.x) * ${groupSize}u + lane;
  let at = u32(segments[row * 2u]) + inside;
  if (inside >= u32(segments[row * 2u + 1u]) || at < p.windowStart || at >= p.windowEnd) { return; }
  let i = at - p.windowStart;
  let stepSize = scalars[row * 4u];
  let secondMomentScale = scalars[row * 4u + 1u];
  let g = gradient[i]${scaled ? " * gradientScale[0]" : ""};
  let m = p.beta1 * firstMoment[i] + p.rest1 * g;
  let v = p.beta2 * secondMoment[i] + p.rest2 * (g * g);
  firstMoment[i] = m;
  secondMoment[i] = v;
  let decayed = parameter[i] * scalars[row * 4u + 2u];
  parameter[i] = (decayed - stepSize * m / (sqrt(v) * secondMomentScale + p.epsilon)) * scalars[row * 4u + 3u];
}`,
      }));
      const { beta1, beta2, epsilon, count, longest } = args;
      // Differences from one are taken in float64: 1 − 0.999 in float32 is off in the fifth digit.
      const constants = [beta1, 1 - beta1, beta2, 1 - beta2, epsilon];
      const state = [gradient, parameter, firstMoment, secondMoment];
      forWindows(recorder, state, gradient.length, ([g, ...rest], start, length) => {
        const tables = [own(args.segments), own(args.scalars)];
        const buffers = scaled ? [g, own(gradientScale), ...tables, ...rest] : [g, ...tables, ...rest];
        const [across, folds] = grid(Math.ceil(longest / groupSize));
        recorder.dispatch(program, buffers, [start, start + length, ...constants], [across, count, folds]);
      });
    },
  } satisfies Partial<KernelSet>;
}
