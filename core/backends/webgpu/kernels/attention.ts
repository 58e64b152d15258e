// Fused masked attention: no [T, T] matrix is ever stored. Forward keeps a running softmax (Milakov & Gimelshein 2018) and
// the log-sum-exp of each row; the gradient recomputes the probabilities, one kernel each for dq, dk and dv, without atomics.

import type { AttentionShape, KernelSet } from "../../kernels.ts";
import type { WebgpuBuffer } from "../pool.ts";
import { bindings, parameters } from "../program.ts";
import { grid, linearMain, type Recorder } from "../recorder.ts";
import { dropThreshold, philoxText, streamParameters, streamValues } from "./random.ts";
import { lowest } from "./rows.ts";
import { groupSize, own } from "./windows.ts";

/** What a shader is specialised to. */
interface Variant {
  readonly headSize: number;
  readonly masked: boolean;
  readonly dropped: boolean;
  /** Invocations of a workgroup: queries (or keys) of one head. */
  readonly size: number;
}

const range = (count: number) => [...Array(count).keys()];

/** Vectors of four that hold one head of one token. */
const vectorsOf = (variant: Variant) => Math.ceil(variant.headSize / 4);

/** Binding type: heads of a multiple of four are read and written as vectors. */
const typeOf = (variant: Variant) => variant.headSize % 4 === 0 ? "vec4f" : "f32";

/** Vector `c` of the head that starts at element `at`; what lies beyond the head is zero. */
function load(variant: Variant, buffer: string, at: string, c: number): string {
  if (variant.headSize % 4 === 0) return `${buffer}[(${at}) / 4u + ${c}u]`;
  const parts = range(4).map((j) =>
    c * 4 + j < variant.headSize ? `${buffer}[${at} + ${c * 4 + j}u]` : "0.0"
  );
  return `vec4f(${parts.join(", ")})`;
}

function store(variant: Variant, buffer: string, at: string, c: number, value: string): string {
  if (variant.headSize % 4 === 0) return `${buffer}[(${at}) / 4u + ${c}u] = ${value};`;
  return range(4).filter((j) => c * 4 + j < variant.headSize)
    .map((j) => `${buffer}[${at} + ${c * 4 + j}u] = (${value})[${j}];`).join(" ");
}

const each = (variant: Variant, text: (c: number) => string) =>
  range(vectorsOf(variant)).map(text).join("\n  ");

/** Σ of dot products over the vectors of a head. */
const dot = (variant: Variant, left: (c: number) => string, right: (c: number) => string) =>
  range(vectorsOf(variant)).map((c) => `dot(${left(c)}, ${right(c)})`).join(" + ");

const parameterText = "tokens heads width scale:f32 keepScale:f32";

/** Invocation `own` is one query or key of head `head` of example `example`; `base` is where the head's tokens begin. */
function main(variant: Variant, body: string): string {
  return `
fn isKept(head: u32, query: u32, key: u32) -> bool {
  ${
    variant.dropped
      ? "let e = (head * p.tokens + query) * p.tokens + key;\n  return ((kept[e / 32u] >> (e % 32u)) & 1u) == 1u;"
      : "return true;"
  }
}
fn attends(example: u32, key: u32) -> bool {
  return key < p.tokens${variant.masked ? " && mask[example * p.tokens + min(key, p.tokens - 1u)] != 0" : ""};
}
@compute @workgroup_size(${variant.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let own = group.x * ${variant.size}u + lane;
  if (own >= p.tokens) { return; }
  let head = group.y;
  let example = head / p.heads;
  let base = example * p.tokens * p.width + (head % p.heads) * ${variant.headSize}u;
  let ownAt = base + own * p.width;
${body}
}`;
}

/** Keys that share one rescaling of the running sums. */
const keysPerStep = (variant: Variant) => variant.headSize <= 32 ? 4 : 2;

function forwardText(variant: Variant): string {
  const keys = range(keysPerStep(variant));
  return main(
    variant,
    `
  ${each(variant, (c) => `let q${c} = ${load(variant, "q", "ownAt", c)} * p.scale;`)}
  ${each(variant, (c) => `var sum${c} = vec4f();`)}
  var most = ${lowest};
  var total = 0.0;
  for (var key = 0u; key < p.tokens; key += ${keys.length}u) {
    ${
      keys.map((t) => `
    let at${t} = base + min(key + ${t}u, p.tokens - 1u) * p.width;
    let on${t} = attends(example, key + ${t}u);
    let s${t} = select(${lowest}, ${
        dot(variant, (c) => `q${c}`, (c) => load(variant, "k", `at${t}`, c))
      }, on${t});`)
        .join("")
    }
    let higher = max(most, ${keys.map((t) => `s${t}`).reduce((x, y) => `max(${x}, ${y})`)});
    let shrink = exp(most - higher);
    most = higher;
    ${keys.map((t) => `let p${t} = select(0.0, exp(s${t} - most), on${t});`).join(" ")}
    total = total * shrink + ${keys.map((t) => `p${t}`).join(" + ")};
    ${
      keys.map((t) => `let w${t} = select(0.0, p${t} * p.keepScale, isKept(head, own, key + ${t}u));`).join(
        "\n    ",
      )
    }
    ${
      each(variant, (c) =>
        `sum${c} = sum${c} * shrink + ${
          keys.map((t) =>
            `w${t} * ${load(variant, "v", `at${t}`, c)}`
          ).join(" + ")
        };`)
    }
  }
  let inverse = select(0.0, 1.0 / total, total > 0.0);
  ${each(variant, (c) => store(variant, "out", "ownAt", c, `sum${c} * inverse`))}
  logSumExp[head * p.tokens + own] = select(${lowest}, most + log(total), total > 0.0);`,
  );
}

/** Probability of (query, key) and the gradient of its score, for queries `query` and keys `key`. */
const probability = (score: string, query: string) =>
  `exp((${score}) * p.scale - statistics[(head * p.tokens + ${query}) * 2u])`;

function queryGradText(variant: Variant): string {
  return main(
    variant,
    `
  ${each(variant, (c) => `let q${c} = ${load(variant, "q", "ownAt", c)};`)}
  ${each(variant, (c) => `let g${c} = ${load(variant, "dout", "ownAt", c)};`)}
  ${each(variant, (c) => `var sum${c} = vec4f();`)}
  let delta = statistics[(head * p.tokens + own) * 2u + 1u];
  for (var key = 0u; key < p.tokens; key++) {
    if (!attends(example, key)) { continue; }
    let at = base + key * p.width;
    ${each(variant, (c) => `let k${c} = ${load(variant, "k", "at", c)};`)}
    let weight = ${probability(dot(variant, (c) => `q${c}`, (c) => `k${c}`), "own")};
    let dv = ${dot(variant, (c) => `g${c}`, (c) => load(variant, "v", "at", c))};
    let ds = weight * (select(0.0, dv * p.keepScale, isKept(head, own, key)) - delta) * p.scale;
    ${each(variant, (c) => `sum${c} += ds * k${c};`)}
  }
  ${each(variant, (c) => store(variant, "dq", "ownAt", c, `sum${c}`))}`,
  );
}

function keyGradText(variant: Variant): string {
  return main(
    variant,
    `
  ${each(variant, (c) => `let k${c} = ${load(variant, "k", "ownAt", c)};`)}
  ${each(variant, (c) => `let v${c} = ${load(variant, "v", "ownAt", c)};`)}
  ${each(variant, (c) => `var sum${c} = vec4f();`)}
  if (attends(example, own)) {
    for (var query = 0u; query < p.tokens; query++) {
      let at = base + query * p.width;
      ${each(variant, (c) => `let q${c} = ${load(variant, "q", "at", c)};`)}
      let weight = ${probability(dot(variant, (c) => `q${c}`, (c) => `k${c}`), "query")};
      let dv = ${dot(variant, (c) => load(variant, "dout", "at", c), (c) => `v${c}`)};
      let delta = statistics[(head * p.tokens + query) * 2u + 1u];
      let ds = weight * (select(0.0, dv * p.keepScale, isKept(head, query, own)) - delta) * p.scale;
      ${each(variant, (c) => `sum${c} += ds * q${c};`)}
    }
  }
  ${each(variant, (c) => store(variant, "dk", "ownAt", c, `sum${c}`))}`,
  );
}

function valueGradText(variant: Variant): string {
  return main(
    variant,
    `
  ${each(variant, (c) => `let k${c} = ${load(variant, "k", "ownAt", c)};`)}
  ${each(variant, (c) => `var sum${c} = vec4f();`)}
  if (attends(example, own)) {
    for (var query = 0u; query < p.tokens; query++) {
      let at = base + query * p.width;
      let weight = ${probability(dot(variant, (c) => load(variant, "q", "at", c), (c) => `k${c}`), "query")};
      let w = select(0.0, weight * p.keepScale, isKept(head, query, own));
      ${each(variant, (c) => `sum${c} += w * ${load(variant, "dout", "at", c)};`)}
    }
  }
  ${each(variant, (c) => store(variant, "dv", "ownAt", c, `sum${c}`))}`,
  );
}

export function attentionKernels(recorder: Recorder) {
  const size = recorder.profile.isSoftware ? 16 : 64;

  /** One bit per attention weight, 1 = kept: the gradient reads it by columns, where each element has a Philox block of its own. */
  function keptBits({ batch, heads, tokens, dropout, random }: AttentionShape): WebgpuBuffer | null {
    if (dropout === 0) return null;
    const length = batch * heads * tokens * tokens;
    const words = Math.ceil(length / 32);
    const bits = recorder.pool.allocate(words, "i32");
    const program = recorder.program("attention/keptBits", (name) => ({
      name,
      bindings: bindings("→ kept:u32"),
      parameters: parameters(`words threshold ${streamParameters}`),
      body: philoxText + linearMain(
        groupSize,
        `
  if (i >= p.words) { return; }
  var word = 0u;
  for (var block = 0u; block < 8u; block++) {
    let random = philox(i * 8u + block);
    for (var j = 0u; j < 4u; j++) {
      word |= select(0u, 1u, random[j] >= p.threshold) << (block * 4u + j);
    }
  }
  kept[i] = word;`,
      ),
    }));
    const values = [words, dropThreshold(dropout), ...streamValues(random)];
    recorder.dispatch(program, [bits], values, grid(Math.ceil(words / groupSize)));
    return bits;
  }

  function run(
    kind: string,
    text: (variant: Variant) => string,
    args: AttentionShape,
    inputs: Record<string, WebgpuBuffer>,
    optional: { mask?: WebgpuBuffer; kept: WebgpuBuffer | null },
    outputs: Record<string, WebgpuBuffer>,
  ): void {
    const { batch, tokens, heads, headSize, scale, dropout } = args;
    const { mask, kept } = optional;
    const variant = { headSize, masked: mask !== undefined, dropped: kept !== null, size };
    const type = typeOf(variant);
    const scalars = ["statistics", "logSumExp"];
    const typed = (names: string[]) =>
      names.map((name) => scalars.includes(name) ? name : `${name}:${type}`).join(" ");
    const program = recorder.program(`${kind}/${headSize}/${variant.masked}/${variant.dropped}`, (name) => ({
      name,
      bindings: bindings(
        `${typed(Object.keys(inputs))} ${mask ? "mask:i32" : ""} ${kept ? "kept:u32" : ""} → ${
          typed(Object.keys(outputs))
        }`,
      ),
      parameters: parameters(parameterText),
      body: text(variant),
    }));
    const buffers = [
      ...Object.values(inputs),
      ...(mask ? [mask] : []),
      ...(kept ? [kept] : []),
      ...Object.values(outputs),
    ];
    const values = [tokens, heads, heads * headSize, scale, 1 / (1 - dropout)];
    recorder.dispatch(program, buffers, values, [Math.ceil(tokens / size), batch * heads]);
  }

  return {
    attention(args) {
      const kept = keptBits(args);
      const optional = { mask: args.mask && own(args.mask), kept };
      const inputs = { q: own(args.q), k: own(args.k), v: own(args.v) };
      const outputs = { out: own(args.out), logSumExp: own(args.logSumExp) };
      run("attention", forwardText, args, inputs, optional, outputs);
      if (kept !== null) recorder.pool.free(kept);
    },
    attentionGrad(args) {
      const { batch, tokens, heads, headSize } = args;
      const kept = keptBits(args);
      const optional = { mask: args.mask && own(args.mask), kept };
      // Pairs (log-sum-exp, out·dout) of each row in one buffer: eight storage buffers are all that some devices bind.
      const rows = batch * heads * tokens;
      const statistics = recorder.pool.allocate(2 * rows, "f32");
      const program = recorder.program("attentionGrad/statistics", (name) => ({
        name,
        bindings: bindings("out dout logSumExp → statistics"),
        parameters: parameters("rows tokens heads headSize"),
        body: linearMain(
          64,
          `
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
      const sources = [own(args.out), own(args.dout), own(args.logSumExp), statistics];
      recorder.dispatch(program, sources, [rows, tokens, heads, headSize], grid(Math.ceil(rows / 64)));
      const [q, k, v, dout] = [args.q, args.k, args.v, args.dout].map(own);
      run("attentionGrad/q", queryGradText, args, { q, k, v, dout, statistics }, optional, {
        dq: own(args.dq),
      });
      run("attentionGrad/k", keyGradText, args, { q, k, v, dout, statistics }, optional, {
        dk: own(args.dk),
      });
      run("attentionGrad/v", valueGradText, args, { q, k, dout, statistics }, optional, { dv: own(args.dv) });
      recorder.pool.free(statistics);
      if (kept !== null) recorder.pool.free(kept);
    },
  } satisfies Partial<KernelSet>;
}
