// Fused masked attention: no [T, T] matrix is ever stored. Forward keeps a running softmax (Milakov & Gimelshein 2018) and
// the log-sum-exp of each row; the gradient recomputes the probabilities, one kernel for dq and one for dk and dv, without
// atomics. The shaders themselves are attention-text.ts's and, for wide heads on GPUs, attention-tiles.ts's.

import { fail } from "../../../errors.ts";
import type { AttentionShape, KernelSet } from "../../kernels.ts";
import type { WebgpuBuffer } from "../pool.ts";
import { bindings, parameters } from "../program.ts";
import { grid, linearMain, type Recorder } from "../recorder.ts";
import {
  type AttentionHead,
  attentionParameters,
  type AttentionVariant,
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

/** A shader's two forms: an invocation owns a row, or a workgroup a tile of rows. */
interface Texts {
  rows(variant: AttentionVariant): string;
  tiles(head: AttentionHead): string;
}

const forward: Texts = { rows: forwardText, tiles: tiledForwardText };
const queryGrad: Texts = { rows: queryGradText, tiles: tiledQueryGradText };
const keyGrad: Texts = { rows: keyGradText, tiles: tiledKeyGradText };

export function attentionKernels(recorder: Recorder) {
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

  /** How a head of this size is computed: tiles where they fit, else rows. */
  function formOf(head: AttentionHead, { rows, tiles }: Texts) {
    if (!isSoftware && tilesFit(head.headSize, recorder.device.limits.maxComputeWorkgroupStorageSize)) {
      return { name: "tiles/", rows: tileRows, extensions: [], body: () => tiles(head) };
    }
    const variant = { ...head, sharing: sharingFor(head.headSize) };
    return {
      name: "",
      rows: variant.sharing.size,
      extensions: extensionsOf(variant),
      body: () => rows(variant),
    };
  }

  function run(
    kind: string,
    texts: Texts,
    args: AttentionShape & { mask?: unknown },
    inputs: Record<string, WebgpuBuffer>,
    optional: { mask?: WebgpuBuffer; kept: WebgpuBuffer | null },
    outputs: Record<string, WebgpuBuffer>,
  ): void {
    const { batch, tokens, heads, headSize, scale, dropout } = args;
    const { mask, kept } = optional;
    const head = { headSize, masked: args.mask !== undefined, dropped: kept !== null };
    const form = formOf(head, texts);
    const type = typeOf(head);
    const scalars = ["statistics", "logSumExp"];
    const typed = (names: string[]) =>
      names.map((name) => scalars.includes(name) ? name : `${name}:${type}`).join(" ");
    const key = `${kind}/${form.name}${headSize}/${head.masked}/${head.dropped}`;
    const program = recorder.program(key, (name) => ({
      name,
      bindings: bindings(
        `${typed(Object.keys(inputs))} ${mask ? "mask:i32" : ""} ${kept ? "kept:u32" : ""} → ${
          typed(Object.keys(outputs))
        }`,
      ),
      parameters: parameters(attentionParameters),
      extensions: form.extensions,
      body: form.body(),
    }));
    const buffers = [
      ...Object.values(inputs),
      ...(mask ? [mask] : []),
      ...(kept ? [kept] : []),
      ...Object.values(outputs),
    ];
    const maskAt = 2 * batch * heads * tokens;
    const values = [tokens, heads, heads * headSize, scale, 1 / (1 - dropout), maskAt];
    recorder.dispatch(program, buffers, values, [Math.ceil(tokens / form.rows), batch * heads]);
  }

  return {
    attention(args) {
      noStarts("attention", args);
      const kept = keptBits(recorder, args);
      const optional = { mask: args.mask && own(args.mask), kept };
      const inputs = { q: own(args.q), k: own(args.k), v: own(args.v) };
      const outputs = { out: own(args.out), logSumExp: own(args.logSumExp) };
      run("attention", forward, args, inputs, optional, outputs);
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
      const [q, k, v, dout] = [args.q, args.k, args.v, args.dout].map(own);
      const inputs = { q, k, v, dout, statistics };
      run("attentionGrad/q", queryGrad, args, inputs, { kept }, { dq: own(args.dq) });
      run("attentionGrad/kv", keyGrad, args, inputs, { kept }, { dk: own(args.dk), dv: own(args.dv) });
      recorder.pool.free(statistics);
      if (kept !== null) recorder.pool.free(kept);
    },
  } satisfies Partial<KernelSet>;
}
