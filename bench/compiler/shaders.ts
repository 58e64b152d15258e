// Makes every pipeline of the engine on whatever device the driver offers: all cases of the kernels' tests, every tile that a tuning
// may choose, then training steps, tr(F) and evaluation at XLM-R base's sizes. It names each to stderr before the driver compiles it;
// what is computed is not read. Run by main.ts, with "half" for half precision.
import { writeSync } from "node:fs";
import process from "node:process";
import type { Backend } from "../../core/mod.ts";
import { createWebgpuBackend, openRecorder } from "../../core/backends/webgpu/backend.ts";
import { attentionKernels } from "../../core/backends/webgpu/kernels/attention.ts";
import { matrixAttention } from "../../core/backends/webgpu/kernels/attention-matrix.ts";
import { matmulKernels } from "../../core/backends/webgpu/kernels/matmul.ts";
import { streamKey } from "../../core/random.ts";
import { requireAdapter } from "../../repro/gpu.ts";
import { cases } from "../../tests/backend/cases/mod.ts";
import { run } from "../../tests/backend/run_case.ts";
import { namingPipelines } from "../../tests/fakes/webgpu.ts";
import { prepareEncoder } from "../engines/ours/encoder.ts";
import { encoders } from "../work/encoders.ts";
import { nameMark } from "./statistics.ts";

const range = (count: number) => [...Array(count).keys()];
const half = process.argv[2] === "half";

const precision = half ? "f16" : "f32";
const options = { frozenWeights: precision, products: precision } as const;

/** An adapter whose device names each pipeline before it makes it. */
async function namingAdapter(): Promise<GPUAdapter> {
  const { adapter } = await requireAdapter({ loaderIsLoaded: true, half });
  return namingPipelines(adapter, (label) => writeSync(2, `${nameMark}${label}\n`));
}

const openNamed = async (): Promise<Backend> =>
  createWebgpuBackend({ adapter: await namingAdapter(), ...options });

const backend = await openNamed();
console.log(backend.description);
for (const each of cases) await run(backend, each);
backend.dispose();

const { recorder, tiles, matrix } = await openRecorder({ adapter: await namingAdapter(), ...options });
for (const [transposeA, transposeB] of [[false, false], [false, true], [true, false]]) {
  const shape = { batch: 1, m: 2048, n: 768, k: 768, transposeA, transposeB };
  for (const tile of tiles.candidates({ ...shape, alignedA: true, alignedB: true })) {
    const { matmul } = matmulKernels(recorder, { candidates: () => [tile], choose: () => tile });
    const [a, b, out] = [2048 * 768, 768 * 768, 2048 * 768].map((length) =>
      recorder.pool.allocate(length, "f32")
    );
    matmul({ ...shape, a, b, out, strideA: 2048 * 768, strideB: 768 * 768, accumulate: false });
  }
}
const onMatrices = attentionKernels(recorder, (headSize) => matrix && matrixAttention(matrix, headSize));
for (const headSize of matrix === null ? [] : [32, 64]) {
  const shape = { batch: 2, tokens: 384, heads: 12, headSize, scale: 1, dropout: 0.1 };
  const length = 2 * 384 * 12 * headSize, float = (count: number) => recorder.pool.allocate(count, "f32");
  const [q, k, v, out, dout, dq, dk, dv] = range(8).map(() => float(length));
  const all = {
    ...shape,
    q,
    k,
    v,
    out,
    mask: recorder.pool.allocate(2 * 384, "i32"),
    logSumExp: float(2 * 12 * 384),
  };
  const random = streamKey(1, "dropout");
  onMatrices.attention({ ...all, random });
  onMatrices.attentionGrad({ ...all, dout, dq, dk, dv, random });
}
recorder.dispose();

// Two layers have every shader that twelve have; the vocabulary sets nothing but the size of a table.
const shape = { ...encoders["xlmr-base"], layers: 2, vocabulary: 3000 };
for (
  const work of [
    { kind: "step", shape, open: 2 },
    { kind: "step", shape, open: "all" },
    { kind: "trace", shape, gradient: "batch" },
    { kind: "trace", shape, gradient: "per-example" },
    { kind: "evaluation", shape },
  ] as const
) {
  const prepared = await prepareEncoder(await openNamed(), work);
  await prepared.run();
  prepared.dispose();
}
process.exit(0);
