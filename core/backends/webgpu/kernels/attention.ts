// Fused masked attention: no [T, T] matrix is ever stored. Forward keeps a running softmax (Milakov & Gimelshein 2018) and
// the log-sum-exp of each row; the gradient recomputes the probabilities, one kernel for dq and one for dk and dv, without
// atomics. The shaders themselves are attention-text.ts's and, for wide heads on GPUs, attention-tiles.ts's; attention-matrix.ts's
// round to half precision and are taken where a tuning chose them.

import { fail } from "../../../errors.ts";
import type { AttentionShape, KernelSet } from "../../kernels.ts";
import type { WebgpuBuffer } from "../pool.ts";
import { bindings, type Extension, parameters, type Program } from "../program.ts";
import { grid, linearMain, type Recorder } from "../recorder.ts";
import { type MatrixAttention, matrixAttention } from "./attention-matrix.ts";
import {
  type AttentionHead,
  attentionParameters,
  extensionsOf,
  forwardText,
  keyGradText,
  queryGradText,
  type Sharing,
  typeOf,
} from "./attention-text.ts";
import {
  tiledForwardText,
  tiledKeyGradText,
  tiledQueryGradText,
  tileRows,
  tilesFit,
} from "./attention-tiles.ts";
import { dropThreshold } from "../../../random.ts";
import type { MatrixShape } from "./matmul-matrix.ts";
import type { Choices } from "./matmul-choice.ts";
import { halfText, philoxText, streamParameters, streamValues } from "./random.ts";
import { groupSize, own } from "./windows.ts";

export function noStarts(kernel: string, { starts }: AttentionShape): void {
  if (starts) fail(`${kernel}: webgpu takes no rows without padding; ask the backend's packsRows first`);
}

/** One bit per attention weight, 1 = kept: the gradient reads it by columns, where each element has a Philox block of its own. */
export function keptBits(
  recorder: Recorder,
  { batch, heads, tokens, dropout, random }: AttentionShape,
): WebgpuBuffer | null {
  if (dropout === 0) return null;
  const length = batch * heads * tokens * tokens;
  const words = Math.ceil(length / 32);
  const bits = recorder.pool.allocate(words, "i32");
  const program = recorder.program("attention/keptBits", (name) => ({
    name,
    bindings: bindings("→ kept:u32"),
    parameters: parameters(`words threshold ${streamParameters}`),
    body: philoxText + halfText + linearMain(
      groupSize,
      `
  if (i >= p.words) { return; }
  var word = 0u;
  for (var block = 0u; block < 4u; block++) {
    let random = philox(i * 4u + block);
    for (var j = 0u; j < 8u; j++) {
      word |= select(0u, 1u, half(random, j) >= p.threshold) << (block * 8u + j);
    }
  }
  kept[i] = word;`,
    ),
  }));
  const values = [words, dropThreshold(dropout), ...streamValues(random)];
  recorder.dispatch(program, [bits], values, grid(Math.ceil(words / groupSize)));
  return bits;
}

/** What each shader reads and writes, and its text where an invocation owns a row or a workgroup a tile of rows. */
const shaders = {
  forward: {
    ...{ name: "attention", inputs: ["q", "k", "v"], outputs: ["out", "logSumExp"] },
    ...{ rows: forwardText, tiles: tiledForwardText },
  },
  queryGrad: {
    ...{ name: "attentionGrad/q", inputs: ["q", "k", "v", "dout", "statistics"], outputs: ["dq"] },
    ...{ rows: queryGradText, tiles: tiledQueryGradText },
  },
  keyGrad: {
    ...{ name: "attentionGrad/kv", inputs: ["q", "k", "v", "dout", "statistics"], outputs: ["dk", "dv"] },
    ...{ rows: keyGradText, tiles: tiledKeyGradText },
  },
};
type Shader = keyof typeof shaders;

const scalars = ["statistics", "logSumExp"];

/** One of the shaders in one of its forms. */
export function attentionProgram(
  shader: Shader,
  head: AttentionHead,
  form: { name: string; extensions: readonly Extension[]; body: string },
): Program {
  const { name, inputs, outputs } = shaders[shader];
  const typed = (names: string[]) =>
    names.map((each) => scalars.includes(each) ? each : `${each}:${typeOf(head)}`).join(" ");
  // The gradients find the mask in the statistics.
  const mask = shader === "forward" && head.masked ? "mask:i32" : "";
  const kept = head.dropped ? "kept:u32" : "";
  return {
    name: programName(name, head, form.name),
    bindings: bindings(`${typed(inputs)} ${mask} ${kept} → ${typed(outputs)}`),
    parameters: parameters(attentionParameters),
    extensions: form.extensions,
    body: form.body,
  };
}

const programName = (kernel: string, { headSize, masked, dropped }: AttentionHead, form: string) =>
  `${kernel}/${form}${headSize}/${masked}/${dropped}`;

/** Attention on subgroup matrices for heads of a size; null where it is computed in f32. */
export type MatrixChoice = (headSize: number) => MatrixAttention | null;

/** What a tuning calls the two ways to compute attention. */
export const attentionForms = { single: "f32", matrix: "matrix" } as const;

export const attentionKey = (headSize: number) => `attention ${headSize}`;

/** @param matrix as for tileTable */
export const chosenAttention = (matrix: MatrixShape | null, choices: Choices): MatrixChoice => (headSize) =>
  matrix !== null && choices[attentionKey(headSize)] === attentionForms.matrix
    ? matrixAttention(matrix, headSize)
    : null;

export function attentionKernels(recorder: Recorder, matricesFor: MatrixChoice = () => null) {
  const { isSoftware, subgroupSize } = recorder.profile;

  /** Subgroups share by registers; else blocks of 32 rows, or as many as leave room for two workgroups on a core. */
  function sharingFor(headSize: number): Sharing {
    if (isSoftware && subgroupSize >= 4 && subgroupSize <= 16) {
      return { by: "subgroup", size: subgroupSize, block: subgroupSize };
    }
    const bytesPerRow = 2 * 16 * Math.ceil(headSize / 4) + 8;
    const half = Math.max(16384, recorder.device.limits.maxComputeWorkgroupStorageSize / 2);
    const block = [32, 16, 8].find((rows) => rows * bytesPerRow <= half) ?? 4;
    return { by: "workgroup", size: isSoftware ? 16 : 64, block };
  }

  /** How a head of this size is computed: as a tuning chose, else tiles where they fit, else rows. */
  function formOf(shader: Shader, head: AttentionHead) {
    const made = matricesFor(head.headSize);
    if (made !== null) {
      const { rows, extensions } = made;
      return { name: "matrices/", rows, extensions, text: () => made[shader](head) };
    }
    const { rows, tiles } = shaders[shader];
    if (!isSoftware && tilesFit(head.headSize, recorder.device.limits.maxComputeWorkgroupStorageSize)) {
      return { name: "tiles/", rows: tileRows, extensions: [], text: () => tiles(head) };
    }
    const variant = { ...head, sharing: sharingFor(head.headSize) };
    const extensions = extensionsOf(variant);
    return { name: "", rows: variant.sharing.size, extensions, text: () => rows(variant) };
  }

  /** @param buffers by name */
  function run(
    shader: Shader,
    args: AttentionShape & { mask?: unknown },
    kept: WebgpuBuffer | null,
    buffers: Record<string, WebgpuBuffer>,
    mask?: WebgpuBuffer,
  ): void {
    const { batch, tokens, heads, headSize, scale, dropout } = args;
    const { name, inputs, outputs } = shaders[shader];
    const head = { headSize, masked: args.mask !== undefined, dropped: kept !== null };
    const form = formOf(shader, head);
    const program = recorder.program(
      programName(name, head, form.name),
      () => attentionProgram(shader, head, { ...form, body: form.text() }),
    );
    const optional = [...mask === undefined ? [] : [mask], ...kept === null ? [] : [kept]];
    const bound = [
      ...inputs.map((each) => buffers[each]),
      ...optional,
      ...outputs.map((each) => buffers[each]),
    ];
    const maskAt = 2 * batch * heads * tokens;
    const values = [tokens, heads, heads * headSize, scale, 1 / (1 - dropout), maskAt];
    recorder.dispatch(program, bound, values, [Math.ceil(tokens / form.rows), batch * heads]);
  }

  return {
    attention(args) {
      noStarts("attention", args);
      const kept = keptBits(recorder, args);
      const [q, k, v, out, logSumExp] = [args.q, args.k, args.v, args.out, args.logSumExp].map(own);
      run("forward", args, kept, { q, k, v, out, logSumExp }, args.mask && own(args.mask));
      if (kept !== null) recorder.pool.free(kept);
    },
    attentionGrad(args) {
      noStarts("attentionGrad", args);
      const { batch, tokens, heads, headSize } = args;
      const kept = keptBits(recorder, args);
      // Pairs (log-sum-exp, out·dout) of each row, then the mask: eight storage buffers are all that some devices bind.
      const rows = batch * heads * tokens;
      const masks = args.mask === undefined ? 0 : batch * tokens;
      const statistics = recorder.pool.allocate(2 * rows + masks, "f32");
      const program = recorder.program(`attentionGrad/statistics/${masks > 0}`, (name) => ({
        name,
        bindings: bindings(`out dout logSumExp ${masks > 0 ? "mask:i32" : ""} → statistics`),
        parameters: parameters("rows masks tokens heads headSize"),
        body: linearMain(
          64,
          `
  ${masks > 0 ? "if (i < p.masks) { statistics[2u * p.rows + i] = select(0.0, 1.0, mask[i] != 0); }" : ""}
  if (i >= p.rows) { return; }
  let head = (i / p.tokens) % p.heads;
  let example = i / p.tokens / p.heads;
  let at = ((example * p.tokens + i % p.tokens) * p.heads + head) * p.headSize;
  var delta = 0.0;
  for (var d = 0u; d < p.headSize; d++) { delta += out[at + d] * dout[at + d]; }
  statistics[i * 2u] = logSumExp[i];
  statistics[i * 2u + 1u] = delta;`,
        ),
      }));
      const masked = args.mask === undefined ? [] : [own(args.mask)];
      const sources = [own(args.out), own(args.dout), own(args.logSumExp), ...masked, statistics];
      recorder.dispatch(program, sources, [rows, masks, tokens, heads, headSize], grid(Math.ceil(rows / 64)));
      const [q, k, v, dout, dq, dk, dv] = [args.q, args.k, args.v, args.dout, args.dq, args.dk, args.dv].map(
        own,
      );
      const inputs = { q, k, v, dout, statistics };
      run("queryGrad", args, kept, { ...inputs, dq });
      run("keyGrad", args, kept, { ...inputs, dk, dv });
      recorder.pool.free(statistics);
      if (kept !== null) recorder.pool.free(kept);
    },
  } satisfies Partial<KernelSet>;
}
