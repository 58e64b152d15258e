// Gradient norms, clipping and AdamW over segments of packed buffers, in float64.
// It leaves step counts, schedules and where parameters lie to optim/.

import type { DeviceBuffer } from "../backend.ts";
import type { KernelSet } from "../kernels.ts";
import { Arguments } from "./buffers.ts";

export const optimizer: Pick<KernelSet, "clipScale" | "packedSumSquares" | "adamw"> = {
  clipScale({ normSquared, out, maximum }) {
    const args = new Arguments("clipScale");
    args.distinct({ out }, { normSquared });
    args.number("maximum", maximum);
    const square = args.f32("normSquared", normSquared, 1)[0];
    args.f32("out", out, 1)[0] = Math.min(1, maximum / (Math.sqrt(square) + 1e-6));
  },

  packedSumSquares({ x, segments, count, longest, out, accumulate }) {
    const args = new Arguments("packedSumSquares");
    args.distinct({ out }, { x, segments });
    const from = args.f32("x", x, x.length);
    let sum = 0;
    for (const [start, end] of ranges(args, segments, count, longest, from.length)) {
      for (let i = start; i < end; i++) sum += from[i] * from[i];
    }
    const to = args.f32("out", out, 1);
    to[0] = accumulate ? to[0] + sum : sum;
  },

  adamw(given) {
    const { parameter, gradient, firstMoment, secondMoment, gradientScale, segments, count, longest } = given;
    const args = new Arguments("adamw");
    args.distinct({ parameter, firstMoment, secondMoment }, { gradient, gradientScale });
    const { beta1, beta2, epsilon } = given;
    for (const [name, value] of Object.entries({ beta1, beta2, epsilon })) args.number(name, value);
    const p = args.f32("parameter", parameter, parameter.length);
    const g = args.f32("gradient", gradient, p.length);
    const m = args.f32("firstMoment", firstMoment, p.length);
    const v = args.f32("secondMoment", secondMoment, p.length);
    const scale = gradientScale ? args.f32("gradientScale", gradientScale, 1)[0] : 1;
    const scalars = args.f32("scalars", given.scalars, given.scalars.length);
    ranges(args, segments, count, longest, p.length).forEach(([start, end], row) => {
      const [stepSize, secondMomentScale, keepBefore, keepAfter] = [0, 1, 2, 3].map((i) =>
        args.number("a scalar of the table", scalars[row * 4 + i])
      );
      for (let i = start; i < end; i++) {
        const scaled = scale * g[i];
        m[i] = beta1 * m[i] + (1 - beta1) * scaled;
        v[i] = beta2 * v[i] + (1 - beta2) * scaled * scaled;
        const value = p[i] * keepBefore - stepSize * m[i] / (Math.sqrt(v[i]) * secondMomentScale + epsilon);
        p[i] = value * keepAfter;
      }
    });
  },
};

/** First element and end of each segment of a table. */
function ranges(
  args: Arguments,
  segments: DeviceBuffer,
  count: number,
  longest: number,
  length: number,
): [number, number][] {
  const table = args.i32("segments", segments, segments.length);
  if (args.count("count", count) * 2 > table.length) {
    args.fail(`segments has ${table.length} elements; ${count} segments need ${count * 2}`);
  }
  return Array.from({ length: count }, (_, row) => {
    const [start, size] = [table[row * 2], table[row * 2 + 1]];
    if (start < 0 || size < 0 || size > longest || start + size > length) {
      args.fail(
        `segment ${row} is ${size} elements from ${start}; the longest is said to have ${longest}, the buffers ${length}`,
      );
    }
    return [start, start + size];
  });
}
