// Disentangled attention as matrix products and two row-wise shaders, a few examples at a time so that the [T, T] matrices stay
// within `matrixBytes`. The gradient computes the weights anew. It leaves the products to matmul.ts.

import type { DeviceBuffer } from "../../backend.ts";
import type { DisentangledInputs, DisentangledShape, KernelSet } from "../../kernels.ts";
import type { WebgpuBuffer } from "../pool.ts";
import { bindings, parameters } from "../program.ts";
import { grid, linearMain, type Recorder } from "../recorder.ts";
import { keptBits, noStarts } from "./attention.ts";
import { lowest, rowMain, rowsPerGroup } from "./rows.ts";
import { groupSize, own } from "./windows.ts";

/** Most bytes of one matrix of scores, or of content against the tables; four of them exist at once in the gradient, three forward. */
const matrixBytes = 2 ** 26;

/** Matrices of heads: [A, examples, T, D] of content, [A, R, D] of tables, with the heads outermost. */
type Heads = WebgpuBuffer;

/** Examples `first` … `first + count − 1` of a call. */
interface Part {
  first: number;
  count: number;
}

export function disentangledKernels(
  recorder: Recorder,
  { matmul, stridedCopy }: Pick<KernelSet, "matmul" | "stridedCopy">,
) {
  const { pool, profile, device } = recorder;
  const rowGroups = (rows: number) => grid(Math.ceil(rows / rowsPerGroup(profile)));

  function* partsOf({ batch, tokens, heads, rows, ownTables }: DisentangledShape): Generator<Part> {
    const limit = Math.min(matrixBytes, device.limits.maxStorageBufferBindingSize);
    const most = Math.max(1, Math.floor(limit / (4 * heads * tokens * Math.max(tokens, rows))));
    const step = ownTables ? 1 : most;
    for (let first = 0; first < batch; first += step) {
      yield { first, count: Math.min(step, batch - first) };
    }
  }

  /** Moves heads outwards, [count, rows, A·D] → [A, count, rows, D], or back. */
  function moveHeads(
    direction: "out" | "back",
    from: DeviceBuffer,
    to: DeviceBuffer,
    { heads, headSize }: DisentangledShape,
    { first, count }: Part,
    rows: number,
  ): void {
    const width = heads * headSize;
    const together = [headSize, rows * width, width, 1];
    const apart = [count * rows * headSize, rows * headSize, headSize, 1];
    const offset = first * rows * width;
    const isOut = direction === "out";
    stridedCopy({
      x: from,
      out: to,
      shape: [heads, count, rows, headSize],
      xStrides: isOut ? together : apart,
      outStrides: isOut ? apart : together,
      xOffset: isOut ? offset : 0,
      outOffset: isOut ? 0 : offset,
    });
  }

  function headsOf(from: DeviceBuffer, shape: DisentangledShape, part: Part, rows: number): Heads {
    const to = pool.allocate(part.count * rows * shape.heads * shape.headSize, "f32");
    moveHeads("out", from, to, shape, part, rows);
    return to;
  }

  function headsBack(from: Heads, to: DeviceBuffer, shape: DisentangledShape, part: Part, rows: number) {
    moveHeads("back", from, to, shape, part, rows);
    pool.free(from);
  }

  function product(
    a: Heads,
    b: Heads,
    [batch, m, n, k]: readonly [number, number, number, number],
    options: { transposeA?: boolean; transposeB?: boolean; into?: WebgpuBuffer; add?: boolean } = {},
  ): WebgpuBuffer {
    const { transposeA = false, transposeB = false, add: accumulate = false } = options;
    const out = options.into ?? pool.allocate(batch * m * n, "f32");
    const strides = { strideA: m * k, strideB: k * n };
    matmul({ a, b, out, batch, m, n, k, transposeA, transposeB, ...strides, accumulate });
    return out;
  }

  /** What rows of scores have in common: which query, key and table row an element is of. */
  const place = (masked: boolean) => `
  let query = row % p.tokens;
  let example = p.firstExample + (row / p.tokens) % p.examples;
  let head = row / (p.tokens * p.examples);
  let at = row * p.tokens;
  let element = ((example * p.heads + head) * p.tokens + query) * p.tokens;
  let isPadding = ${masked ? "mask[example * p.tokens + query] == 0" : "false"};`;
  const attends = (masked: boolean) => masked ? "(isPadding || mask[example * p.tokens + j] != 0)" : "true";
  const placeParameters = "rows tokens heads examples firstExample";
  const keptText = (dropped: boolean) => `
fn keptScale(element: u32) -> f32 {
  ${
    dropped
      ? "return select(0.0, p.keepScale, ((kept[element / 32u] >> (element % 32u)) & 1u) == 1u);"
      : "return 1.0;"
  }
}`;

  /** Scores in place to weights; `kept` drops some. */
  function weigh(
    shape: DisentangledShape & DisentangledInputs,
    part: Part,
    { scores, ofQueries, ofKeys, kept, logSumExp }: {
      scores: WebgpuBuffer;
      ofQueries: WebgpuBuffer;
      ofKeys: WebgpuBuffer;
      kept: WebgpuBuffer | null;
      logSumExp?: DeviceBuffer;
    },
  ): void {
    const { tokens, heads, rows: tableRows, scale, dropout } = shape;
    const masked = shape.mask !== undefined, dropped = kept !== null, sums = logSumExp !== undefined;
    const program = recorder.program(`disentangled/weigh/${masked}/${dropped}/${sums}`, (name) => ({
      name,
      bindings: bindings(
        `ofQueries ofKeys relative:i32 ${masked ? "mask:i32" : ""} ${dropped ? "kept:u32" : ""} → scores ${
          sums ? "logSumExp" : ""
        }`,
      ),
      parameters: parameters(`${placeParameters} tableRows scale:f32 keepScale:f32`),
      body: rowMain(
        profile,
        `${place(masked)}
  let firstKey = row - query;
  var most = ${lowest};
  for (var j = lane; j < p.tokens; j += lanes) {
    let r = u32(relative[query + p.tokens - 1u - j]);
    let shares = ofQueries[row * p.tableRows + r] + ofKeys[(firstKey + j) * p.tableRows + r];
    let score = select((scores[at + j] + shares) * p.scale, 0.0, isPadding);
    if (valid) { scores[at + j] = score; }
    if (${attends(masked)}) { most = max(most, score); }
  }
  most = maxLanes(most, slot);
  var sum = 0.0;
  for (var j = lane; j < p.tokens; j += lanes) {
    if (${attends(masked)}) { sum += exp(select(scores[at + j], 0.0, isPadding) - most); }
  }
  sum = sumLanes(sum, slot);
  let inverse = 1.0 / sum;
  for (var j = lane; j < p.tokens; j += lanes) {
    let weight = select(0.0, exp(scores[at + j] - most) * inverse, ${attends(masked)});
    if (valid) { scores[at + j] = weight * keptScale(element + j); }
  }
  ${sums ? "if (valid && lane == 0u) { logSumExp[element / p.tokens] = most + log(sum); }" : ""}`,
        keptText(dropped),
      ),
    }));
    const buffers = [
      ...[ofQueries, ofKeys, own(shape.relative)],
      ...masked ? [own(shape.mask!)] : [],
      ...dropped ? [kept] : [],
      scores,
      ...sums ? [own(logSumExp)] : [],
    ];
    const rows = heads * part.count * tokens;
    const values = [rows, tokens, heads, part.count, part.first, tableRows, scale, 1 / (1 - dropout)];
    recorder.dispatch(program, buffers, values, rowGroups(rows));
  }

  /** Gradients of weights in place to gradients of products; the weights then get their dropout. */
  function slope(
    shape: DisentangledShape & DisentangledInputs,
    part: Part,
    { weights, slopes, kept }: { weights: WebgpuBuffer; slopes: WebgpuBuffer; kept: WebgpuBuffer | null },
  ): void {
    const { tokens, heads, scale, dropout } = shape;
    const masked = shape.mask !== undefined, dropped = kept !== null;
    const program = recorder.program(`disentangled/slope/${masked}/${dropped}`, (name) => ({
      name,
      bindings: bindings(
        `${masked ? "mask:i32" : ""} ${dropped ? "kept:u32" : ""} → weights slopes`,
      ),
      parameters: parameters(`${placeParameters} scale:f32 keepScale:f32`),
      body: rowMain(
        profile,
        `${place(masked)}
  var delta = 0.0;
  for (var j = lane; j < p.tokens; j += lanes) {
    delta += weights[at + j] * slopes[at + j] * keptScale(element + j);
  }
  delta = sumLanes(delta, slot);
  for (var j = lane; j < p.tokens; j += lanes) {
    let factor = keptScale(element + j);
    let weight = weights[at + j];
    if (valid) {
      slopes[at + j] = select(p.scale * weight * (slopes[at + j] * factor - delta), 0.0, isPadding);
      weights[at + j] = weight * factor;
    }
  }`,
        keptText(dropped),
      ),
    }));
    const buffers = [...masked ? [own(shape.mask!)] : [], ...dropped ? [kept] : [], weights, slopes];
    const rows = heads * part.count * tokens;
    const values = [rows, tokens, heads, part.count, part.first, scale, 1 / (1 - dropout)];
    recorder.dispatch(program, buffers, values, rowGroups(rows));
  }

  /** For each table row the first distance that has it, R + 1 of them. */
  function boundsOf({ rows, tokens, relative }: DisentangledShape & DisentangledInputs): WebgpuBuffer {
    const bounds = pool.allocate(rows + 1, "i32");
    const program = recorder.program("disentangled/bounds", (name) => ({
      name,
      bindings: bindings("relative:i32 → bounds:i32"),
      parameters: parameters("count distances"),
      body: linearMain(
        64,
        `
  if (i >= p.count) { return; }
  var low = 0u;
  var high = p.distances;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (relative[middle] < i32(i)) { low = middle + 1u; } else { high = middle; }
  }
  bounds[i] = i32(low);`,
      ),
    }));
    const values = [rows + 1, 2 * tokens - 1];
    recorder.dispatch(program, [own(relative), bounds], values, grid(Math.ceil((rows + 1) / 64)));
    return bounds;
  }

  /** Sums of slopes by table row: over a query's keys, and over a key's queries. */
  function gather(
    { tokens, heads, rows }: DisentangledShape,
    { count }: Part,
    buffers: readonly WebgpuBuffer[],
  ): void {
    const program = recorder.program("disentangled/gather", (name) => ({
      name,
      bindings: bindings("slopes bounds:i32 → ofQueries ofKeys"),
      parameters: parameters("length tokens tableRows"),
      body: linearMain(
        groupSize,
        `
  if (i >= p.length) { return; }
  let r = i % p.tableRows;
  let row = i / p.tableRows;
  let t = i32(row % p.tokens);
  let last = i32(p.tokens) - 1;
  let matrix = i32((row - row % p.tokens) * p.tokens);
  let begin = bounds[r];
  let end = bounds[r + 1u] - 1;
  var sum = 0.0;
  for (var j = max(0, t + last - end); j <= min(last, t + last - begin); j++) {
    sum += slopes[matrix + t * (last + 1) + j];
  }
  ofQueries[i] = sum;
  sum = 0.0;
  for (var q = max(0, begin + t - last); q <= min(last, end + t - last); q++) {
    sum += slopes[matrix + q * (last + 1) + t];
  }
  ofKeys[i] = sum;`,
      ),
    }));
    const length = heads * count * tokens * rows;
    recorder.dispatch(program, buffers, [length, tokens, rows], grid(Math.ceil(length / groupSize)));
  }

  /** Heads of a part's operands, and its scores with what the tables add to them. */
  function open(shape: DisentangledShape & DisentangledInputs, part: Part) {
    const { tokens, heads, headSize, rows, ownTables } = shape;
    const [q, k, v] = [shape.q, shape.k, shape.v].map((each) => headsOf(each, shape, part, tokens));
    const table = { first: ownTables ? part.first : 0, count: 1 };
    const [keys, queries] = [shape.positionKeys, shape.positionQueries].map((each) =>
      headsOf(each, shape, table, rows)
    );
    const all = part.count * tokens;
    const scores = product(q, k, [heads * part.count, tokens, tokens, headSize], { transposeB: true });
    const ofQueries = product(q, keys, [heads, all, rows, headSize], { transposeB: true });
    const ofKeys = product(k, queries, [heads, all, rows, headSize], { transposeB: true });
    return { q, k, v, keys, queries, scores, ofQueries, ofKeys };
  }

  const freeAll = (buffers: Record<string, WebgpuBuffer>) =>
    Object.values(buffers).forEach((each) => pool.free(each));

  return {
    disentangledAttention(args) {
      noStarts("disentangledAttention", args);
      const { tokens, heads, headSize, out, logSumExp } = args;
      const kept = keptBits(recorder, args);
      for (const part of partsOf(args)) {
        const opened = open(args, part);
        weigh(args, part, { ...opened, kept, logSumExp });
        const context = product(
          opened.scores,
          opened.v,
          [heads * part.count, tokens, headSize, tokens],
        );
        freeAll(opened);
        headsBack(context, out, args, part, tokens);
      }
      if (kept !== null) pool.free(kept);
    },

    disentangledAttentionGrad(args) {
      noStarts("disentangledAttentionGrad", args);
      const { tokens, heads, headSize, rows, dPositionKeys, dPositionQueries } = args;
      const kept = keptBits(recorder, args);
      const bounds = boundsOf(args);
      for (const part of partsOf(args)) {
        const opened = open(args, part);
        const { q, k, v, keys, queries, scores, ofQueries, ofKeys } = opened;
        weigh(args, part, { scores, ofQueries, ofKeys, kept: null });
        const matrices = heads * part.count, all = part.count * tokens;
        const dout = headsOf(args.dout, args, part, tokens);
        const slopes = product(dout, v, [matrices, tokens, tokens, headSize], { transposeB: true });
        slope(args, part, { weights: scores, slopes, kept });
        gather(args, part, [slopes, bounds, ofQueries, ofKeys]);
        const content = [matrices, tokens, headSize, tokens] as const;
        const dv = product(scores, dout, content, { transposeA: true });
        const dq = product(slopes, k, content);
        const dk = product(slopes, q, content, { transposeA: true });
        product(ofQueries, keys, [heads, all, headSize, rows], { into: dq, add: true });
        product(ofKeys, queries, [heads, all, headSize, rows], { into: dk, add: true });
        const table = [matrices, rows, headSize, tokens] as const;
        if (dPositionKeys !== undefined) {
          headsBack(product(ofQueries, q, table, { transposeA: true }), dPositionKeys, args, part, rows);
        }
        if (dPositionQueries !== undefined) {
          headsBack(product(ofKeys, k, table, { transposeA: true }), dPositionQueries, args, part, rows);
        }
        freeAll({ ...opened, dout, slopes });
        headsBack(dq, args.dq, args, part, tokens);
        headsBack(dk, args.dk, args, part, tokens);
        headsBack(dv, args.dv, args, part, tokens);
      }
      pool.free(bounds);
      if (kept !== null) pool.free(kept);
    },
  } satisfies Partial<KernelSet>;
}
