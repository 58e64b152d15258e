// Cases of look-up, losses and the optimizer.

import type { DeviceBuffer } from "../../../core/backends/backend.ts";
import { draw, f32, type KernelCase, type Named, positive, whole } from "./case.ts";

export const trainingCases: KernelCase[] = [];

for (const [count, rows, width] of [[1, 1, 1], [7, 5, 3], [130, 50, 37], [1000, 300, 64]]) {
  trainingCases.push(
    {
      kernel: "embedding",
      name: `${count} of [${rows}, ${width}]`,
      inputs: { table: draw(rows * width), indices: whole(count, rows) },
      outputs: { out: count * width },
      run: (k, b) => k.embedding({ ...(b as Named<"embedding">), count, rows, width }),
      tolerance: 0,
    },
    {
      kernel: "embeddingGrad",
      name: `${count} into [${rows}, ${width}], repeated and untouched rows, one ignored`,
      inputs: { dy: draw(count * width), indices: whole(count, Math.max(1, rows >> 1)) },
      outputs: { dtable: rows * width },
      run: (k, b) =>
        k.embeddingGrad({ ...(b as Named<"embeddingGrad">), count, rows, width, ignored: width % 2 }),
      heavy: count >= 1000,
    },
  );
}
for (const [rows, cols] of [[1, 2], [5, 3], [33, 97], [4, 5003]]) {
  const targets = () => whole(rows, cols).map((target, r) => r % 3 === 1 ? -100 : target);
  trainingCases.push(
    {
      kernel: "crossEntropy",
      name: `[${rows}, ${cols}], every third row ignored`,
      inputs: { logits: draw(rows * cols, 0, 4), targets: targets() },
      outputs: { loss: rows },
      run: (k, b) => k.crossEntropy({ ...(b as Named<"crossEntropy">), rows, cols }),
    },
    {
      kernel: "crossEntropyGrad",
      name: `[${rows}, ${cols}], every third row ignored`,
      inputs: { logits: draw(rows * cols, 0, 4), targets: targets(), dloss: draw(rows) },
      outputs: { dlogits: rows * cols },
      run: (k, b) => k.crossEntropyGrad({ ...(b as Named<"crossEntropyGrad">), rows, cols }),
    },
  );
}
for (const normSquared of [0, 0.25, 25, 1e8]) {
  trainingCases.push({
    kernel: "clipScale",
    name: `norm² ${normSquared}`,
    inputs: { normSquared: f32(normSquared) },
    outputs: { out: 1 },
    run: (k, b) => k.clipScale({ normSquared: b.normSquared, out: b.out, maximum: 1 }),
  });
}
/** Three segments with gaps between and around them; what lies in the gaps must stay as it is. */
const segments = { starts: [64, 192, 1600], lengths: [37, 1300, 3], length: 1700 };
const segmentTable = Int32Array.from(segments.starts.flatMap((start, i) => [start, segments.lengths[i]]));
const longest = Math.max(...segments.lengths);

for (const accumulate of [false, true]) {
  const x = draw(segments.length);
  // A gap that is read would show at once.
  x[63] = x[101] = 1e6;
  trainingCases.push({
    kernel: "packedSumSquares",
    name: accumulate ? "three segments, added" : "three segments",
    inputs: { x, segments: segmentTable, out: f32(accumulate ? 3 : NaN) },
    outputs: {},
    changes: ["out"],
    run: (k, b) =>
      k.packedSumSquares({ x: b.x, segments: b.segments, count: 3, longest, out: b.out, accumulate }),
    heavy: true,
  });
}
trainingCases.push({
  kernel: "packedSumSquares",
  name: "the first two of three segments, one of them long",
  inputs: {
    x: draw(300_000),
    segments: Int32Array.of(0, 5, 64, 299_000, 299_200, 64),
  },
  outputs: { out: 1 },
  run: (k, b) =>
    k.packedSumSquares({
      ...{ x: b.x, segments: b.segments, count: 2, longest: 299_000, out: b.out, accumulate: false },
    }),
  heavy: true,
});

type AdamwBuffers = Record<
  "parameter" | "gradient" | "firstMoment" | "secondMoment" | "segments" | "scalars",
  DeviceBuffer
>;

for (const scaled of [false, true]) {
  trainingCases.push({
    kernel: "adamw",
    name: scaled ? "with a gradient scale and both decays" : "plain",
    inputs: {
      parameter: draw(segments.length),
      gradient: draw(segments.length, 0, 0.1),
      firstMoment: draw(segments.length, 0, 0.1),
      secondMoment: positive(segments.length),
      segments: segmentTable,
      scalars: scaled
        ? f32(...[0.05, 3.5, 0.99, 0.98], ...[0.01, 1, 1, 0.9], ...[0.2, 2, 0.5, 1])
        : f32(...[0.01, 1, 1, 1], ...[0.02, 1, 1, 1], ...[0.03, 1, 1, 1]),
      ...(scaled ? { gradientScale: f32(0.37) } : {}),
    },
    outputs: {},
    changes: ["parameter", "firstMoment", "secondMoment"],
    run: (k, b) =>
      k.adamw({
        ...(b as AdamwBuffers & { gradientScale?: DeviceBuffer }),
        ...{ count: 3, longest, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      }),
  });
}
trainingCases.push({
  kernel: "adamw",
  name: "a first step from zero moments with zero gradients in between; the second segment stands still",
  inputs: {
    parameter: draw(164),
    gradient: draw(164).map((value, i) => i % 3 === 0 ? 0 : value),
    firstMoment: new Float32Array(164),
    secondMoment: new Float32Array(164),
    segments: Int32Array.of(0, 37, 64, 100),
    scalars: f32(1e-3 * Math.sqrt(1 - 0.999) / (1 - 0.9), 1, 1, 1),
  },
  outputs: {},
  changes: ["parameter", "firstMoment", "secondMoment"],
  run: (k, b) =>
    k.adamw({ ...(b as AdamwBuffers), count: 1, longest: 37, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }),
});
