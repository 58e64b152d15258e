// The shaders of fused attention on subgroup matrices (tensor cores): operands and weights rounded to f16 in workgroup memory, sums
// in f32. A subgroup owns 16 queries (or keys), holds them as matrices, and meets the others in blocks.
//
// What happens to a score between two products needs it as a number, so scores pass through workgroup memory. Sums do not: nothing
// can be done to an element of a matrix but adding products. So the forward shader goes over the keys twice, for the log-sum-exp and
// then for weights that are final, where a running softmax (attention-tiles.ts) would scale its sums anew with each block.

import { attendsText, type AttentionHead, maskInStatistics, maskOfKey } from "./attention-text.ts";
import type { Extension } from "../program.ts";
import { matrixExtensions, type MatrixShape } from "./matmul-matrix.ts";
import { lowest } from "./rows.ts";

const rowsOfSubgroup = 16;
/** Rows of the others that are met at a time. Beside two sums of a head a subgroup has registers for fewer: with 32 RADV spills 30. */
const metRows = { forward: 32, queryGrad: 32, keyGrad: 16 };
/** Rows that a workgroup owns: four subgroups share what they meet. */
const usualRows = 64;
/** Rows in workgroup memory begin at multiples of 16 bytes, and not all in the same bank. */
const padding = 8;

const range = (count: number) => [...Array(count).keys()];
const barrier = "workgroupBarrier();";

export interface MatrixAttention {
  /** Rows that a workgroup owns. */
  readonly rows: number;
  readonly extensions: readonly Extension[];
  forward(head: AttentionHead): string;
  queryGrad(head: AttentionHead): string;
  keyGrad(head: AttentionHead): string;
}

/** Null where the device's matrices do not divide the blocks, or an invocation would hold too much of a head. */
export function matrixAttention(
  shape: MatrixShape,
  headSize: number,
  rows = usualRows,
): MatrixAttention | null {
  const { m, n, k, lanes } = shape;
  const met = Object.values(metRows);
  const divide = rowsOfSubgroup % m === 0 &&
    [...met, headSize].every((size) => size % n === 0 && size % k === 0);
  const shares = lanes % rowsOfSubgroup === 0 &&
    met.every((count) => count % (4 * lanes / rowsOfSubgroup) === 0);
  if (!divide || !shares || headSize < 32 || headSize > 64) return null;
  const make = (met: number, text: (made: Shader) => string) => (head: AttentionHead) =>
    text(new Shader(shape, rows, met, head));
  return {
    ...{ rows, extensions: matrixExtensions(shape) },
    forward: make(metRows.forward, forwardText),
    queryGrad: make(metRows.queryGrad, queryGradText),
    keyGrad: make(metRows.keyGrad, keyGradText),
  };
}

/** The pieces that the three shaders are made of. */
class Shader {
  readonly #shape: MatrixShape;
  readonly #rows: number;
  readonly met: number;
  readonly head: AttentionHead;
  readonly #threads: number;
  /** Invocations that share an owned row, and vectors of four scores that each of them has of a block. */
  readonly #sharers: number;
  readonly #vectors: number;
  /** Elements from row to row of the rows met, of the scores and of the weights. */
  readonly #stride: number;
  readonly #scratchStride: number;
  readonly #weightStride: number;
  /** Words of dropout's bits that the owned keys take. */
  readonly #keyWords: number;
  /** Matrices that a subgroup's rows and a head, either way, consist of. */
  readonly #down: number[];
  readonly #alongHead: number[];
  readonly #acrossHead: number[];

  constructor(shape: MatrixShape, rows: number, met: number, head: AttentionHead) {
    this.#shape = shape;
    this.#rows = rows;
    this.met = met;
    this.head = head;
    this.#threads = rows / rowsOfSubgroup * shape.lanes;
    this.#sharers = shape.lanes / rowsOfSubgroup;
    this.#vectors = this.met / this.#sharers / 4;
    this.#stride = head.headSize + padding;
    this.#scratchStride = met + padding / 2;
    this.#weightStride = met + padding;
    this.#keyWords = Math.ceil(rows / 32);
    this.#down = range(rowsOfSubgroup / shape.m);
    this.#alongHead = range(head.headSize / shape.k);
    this.#acrossHead = range(head.headSize / shape.n);
  }

  /** The whole shader. `weightTiles`: workgroup memory that weights go through on their way into a product; `more`: what else it has. */
  main(weightTiles: string[], mask: string, body: string, more = ""): string {
    const { lanes, asksForSize = false } = this.#shape, sharers = this.#sharers;
    const tile = (name: string) => `var<workgroup> ${name}: array<f16, ${this.#rows * this.#weightStride}>;`;
    return `
var<workgroup> met: array<f16, ${Math.max(this.#rows, 2 * this.met) * this.#stride}>;
var<workgroup> scratch: array<f32, ${this.#rows * this.#scratchStride}>;
${weightTiles.map(tile).join("\n")}
${more}
${
      this.head.dropped
        ? `var<workgroup> keptTile: array<u32, ${Math.max(this.#rows, this.#keyWords * this.met)}>;`
        : ""
    }
${attendsText(this.head, mask)}
@compute @workgroup_size(${this.#threads})${asksForSize ? ` @subgroup_size(${lanes})` : ""}
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = group.x * ${this.#rows}u;
  let head = group.y;
  let example = head / p.heads;
  let base = example * p.tokens * p.width + (head % p.heads) * ${this.head.headSize}u;
  let part = lane / ${lanes}u;
  let row = part * ${rowsOfSubgroup}u + lane % ${lanes}u / ${sharers}u;
  let own = begin + row;
  let column = lane % ${sharers}u * ${this.met / sharers}u;
${body}
}`;
  }

  /** A loop over the blocks. */
  get blocks(): string {
    return `for (var first = 0u; first < p.tokens; first += ${this.met}u)`;
  }

  /** Where the invocation's part of its row begins in the scratch. */
  get place(): string {
    return `row * ${this.#scratchStride}u + column`;
  }

  /** Statements for each vector of the invocation's scores of a block. */
  each(text: (v: number) => string): string {
    return range(this.#vectors).map(text).join("\n    ");
  }

  /** Copies `count` rows from token `first` on to the rows met from `to` on; beyond the last token it is repeated. */
  #stage(operand: string, first: string, to: number, count: number): string {
    const vectors = this.head.headSize / 4;
    return `for (var e = lane; e < ${count * vectors}u; e += ${this.#threads}u) {
      let token = min(${first} + e / ${vectors}u, p.tokens - 1u);
      let v = vec4<f16>(${operand}[(base + token * p.width) / 4u + e % ${vectors}u]);
      let at = (${to}u + e / ${vectors}u) * ${this.#stride}u + e % ${vectors}u * 4u;
      ${range(4).map((j) => `met[at + ${j}u] = v[${j}];`).join(" ")}
    }`;
  }

  /** Copies the next block of two operands into the lower and the upper half of the rows met. */
  meet(lower: string, upper?: string): string {
    return this.#stage(lower, "first", 0, this.met) +
      (upper === undefined ? "" : "\n    " + this.#stage(upper, "first", this.met, this.met));
  }

  /** Where the subgroup's matrix `r` of rows begins in workgroup memory that has a row for each owned one. */
  #rowsAt(r: number, stride: number, column: number): string {
    return `(part * ${rowsOfSubgroup}u + ${r * this.#shape.m}u) * ${stride}u + ${column}u`;
  }

  /** Declares the left operand `name`. */
  #loadLeft(name: string, from: string, r: number, stride: number, column: number): string {
    const { m, k } = this.#shape, place = `${this.#rowsAt(r, stride, column)}, ${stride}u`;
    return `let ${name} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${k}, ${m}>, row_major>(&${from}, ${place});`;
  }

  /** The right operand that begins at `at` of the rows met, which are its columns or its rows. */
  #right(order: "col_major" | "row_major", at: number): string {
    const { n, k } = this.#shape;
    return `subgroupMatrixLoad<subgroup_matrix_right<f16, ${n}, ${k}>, ${order}>(&met, ${at}u, ${this.#stride}u)`;
  }

  /** Puts a result into the scratch. */
  #keep(result: string, r: number, column: number): string {
    const place = this.#rowsAt(r, this.#scratchStride, column);
    return `subgroupMatrixStore<row_major>(&scratch, ${place}, ${result}, ${this.#scratchStride}u);`;
  }

  /** Declares the matrices `name0_0` … of the subgroup's rows. */
  own(operand: string, name: string): string {
    const { k } = this.#shape;
    const load = (r: number, c: number) => this.#loadLeft(`${name}${r}_${c}`, "met", r, this.#stride, c * k);
    return `${barrier}
  ${this.#stage(operand, "begin", 0, this.#rows)}
  ${barrier}
  ${this.#down.flatMap((r) => this.#alongHead.map((c) => load(r, c))).join("\n  ")}`;
  }

  /**
   * Declares `name0` …: the invocation's share of the products of its row, held in `own`, with the rows met from `from` on. All
   * invocations have read what was in the scratch before.
   */
  scores(own: string, from: number, name: string): string {
    const { m, n, k } = this.#shape;
    // One matrix of the rows met at a time: with more of them a subgroup runs out of registers.
    const products = (j: number, c: number) =>
      `{ let r = ${this.#right("col_major", (from + j * n) * this.#stride + c * k)}; ` +
      this.#down.map((r) => `s${r} = subgroupMatrixMultiplyAccumulate(${own}${r}_${c}, r, s${r});`).join(
        " ",
      ) + " }";
    return `${
      range(this.met / n).map((j) =>
        `{ ${this.#down.map((r) => `var s${r} = subgroup_matrix_result<f32, ${n}, ${m}>();`).join(" ")}
      ${this.#alongHead.map((c) => products(j, c)).join("\n      ")}
      ${this.#down.map((r) => this.#keep(`s${r}`, r, j * n)).join(" ")} }`
      ).join("\n    ")
    }
    ${barrier}
    ${this.each((v) => `var ${name}${v} = ${this.#scratchVector(v)};`)}`;
  }

  #scratchVector(v: number): string {
    const at = (j: number) => `scratch[${this.place} + ${v * 4 + j}u]`;
    return `vec4f(${range(4).map(at).join(", ")})`;
  }

  /** Puts four weights of the invocation's, its vector `v`, where a product reads them. */
  putWeight(tile: string, v: number, value: string): string {
    const at = (j: number) => `${tile}[row * ${this.#weightStride}u + column + ${v * 4 + j}u]`;
    return range(4).map((j) => `${at(j)} = f16(${value}[${j}]);`).join(" ");
  }

  declareSums(name: string): string {
    const { m, n } = this.#shape;
    return this.#eachSum((r, j) => `var ${name}${r}_${j} = subgroup_matrix_result<f32, ${n}, ${m}>();`);
  }

  #eachSum(text: (r: number, j: number) => string): string {
    return this.#down.flatMap((r) => this.#acrossHead.map((j) => text(r, j))).join(" ");
  }

  /** Adds to the sums `name0_0` … the rows met from `from` on, each weighted by what `tile` holds. */
  addWeighted(name: string, tile: string, from: number): string {
    const { n, k } = this.#shape;
    const left = (r: number, q: number) => this.#loadLeft(`w${r}`, tile, r, this.#weightStride, q * k);
    const add = (j: number, q: number) =>
      `{ let r = ${this.#right("row_major", (from + q * k) * this.#stride + j * n)}; ` +
      this.#down.map((r) =>
        `${name}${r}_${j} = subgroupMatrixMultiplyAccumulate(w${r}, r, ${name}${r}_${j});`
      ).join(
        " ",
      ) + " }";
    return range(this.met / k).map((q) =>
      `{ ${this.#down.map((r) => left(r, q)).join(" ")}
      ${this.#acrossHead.map((j) => add(j, q)).join("\n      ")} }`
    ).join("\n    ");
  }

  /** Writes the sums of the owned rows that are tokens. */
  store(buffer: string, name: string): string {
    const { n } = this.#shape, { headSize } = this.head;
    return range(Math.ceil(headSize / this.met)).map((g) => {
      const here = this.#acrossHead.filter((j) => Math.floor(j * n / this.met) === g);
      const write = (v: number) =>
        `if (own < p.tokens && ${g * this.met + v * 4}u + column < ${headSize}u) { ` +
        `${buffer}[(base + own * p.width + column) / 4u + ${g * this.met / 4 + v}u] = ${
          this.#scratchVector(v)
        }; }`;
      return `${barrier}
  ${this.#down.flatMap((r) => here.map((j) => this.#keep(`${name}${r}_${j}`, r, j * n % this.met))).join(" ")}
  ${barrier}
  ${range(this.#vectors).map(write).join("\n  ")}`;
    }).join("\n  ");
  }

  /** Over the invocations that share the owned row: what each left at its column of the scratch, or `offset` behind it. */
  joined(name: string, join: (x: string, y: string) => string, offset = 0): string {
    const at = (t: number) =>
      `scratch[row * ${this.#scratchStride}u + ${t * this.met / this.#sharers + offset}u]`;
    return `let ${name} = ${range(this.#sharers).map(at).reduce(join)};`;
  }

  /** One word for each of the queries: which weights from it to 32 keys were kept. A row of T bits begins anywhere in a word. */
  #keptWords(words: number, query: string, key: string): string {
    if (!this.head.dropped) return "";
    return `if (lane < ${words}u) {
      let bit = (head * p.tokens + min(${query}, p.tokens - 1u)) * p.tokens + ${key};
      let shift = bit % 32u;
      let low = kept[bit / 32u] >> shift;
      keptTile[lane] = select(low | (kept[bit / 32u + 1u] << (32u - shift)), low, shift == 0u);
    }`;
  }

  /** Which weights between owned queries and the keys met were kept; of vector `v`, `isKeptKey`. */
  keptOfQueries(): string {
    return this.#keptWords(this.#rows, "begin + lane", "first");
  }

  /** The same for owned keys and the queries met: a word for each 32 of the keys. */
  keptOfKeys(): string {
    const query = `first + lane % ${this.met}u`, key = `begin + lane / ${this.met}u * 32u`;
    return this.#keptWords(this.#keyWords * this.met, query, key);
  }

  isKeptKey(v: number): string {
    if (!this.head.dropped) return "vec4<bool>(true)";
    return `((vec4u(keptTile[row] >> (column + ${v * 4}u)) & vec4u(1u, 2u, 4u, 8u)) != vec4u())`;
  }

  isKeptQuery(v: number): string {
    if (!this.head.dropped) return "vec4<bool>(true)";
    const word = (j: number) => `keptTile[row / 32u * ${this.met}u + column + ${v * 4 + j}u]`;
    return `((vec4u(${range(4).map(word).join(", ")}) & vec4u(1u << (row % 32u))) != vec4u())`;
  }

  /** Declares `on0` …: which of the keys met may be attended to. */
  attended(): string {
    const key = (v: number, j: number) => `attends(example, first + column + ${v * 4 + j}u)`;
    return this.each((v) => `let on${v} = vec4<bool>(${range(4).map((j) => key(v, j)).join(", ")});`);
  }

  /** Copies the statistics of the queries met. */
  meetStatistics(): string {
    return `if (lane < ${this.met}u) {
      let at = (head * p.tokens + min(first + lane, p.tokens - 1u)) * 2u;
      metStatistics[lane] = vec2f(statistics[at], statistics[at + 1u]);
    }`;
  }

  /** Of the four queries of vector `v`: x is the log-sum-exp, y the product of a query's output with its gradient. */
  ofMet(v: number, part: "x" | "y"): string {
    return `vec4f(${range(4).map((j) => `metStatistics[column + ${v * 4 + j}u].${part}`).join(", ")})`;
  }

  within(v: number): string {
    return `vec4<bool>(${range(4).map((j) => `first + column + ${v * 4 + j}u < p.tokens`).join(", ")})`;
  }
}

const larger = (x: string, y: string) => `max(${x}, ${y})`;
const largest = (v: string) => larger(larger(`${v}.x`, `${v}.y`), larger(`${v}.z`, `${v}.w`));
const sum = (v: string) => `((${v}.x + ${v}.y) + (${v}.z + ${v}.w))`;

function forwardText(s: Shader): string {
  return s.main(
    ["weights"],
    maskOfKey,
    `
  ${s.own("q", "q")}
  var most = ${lowest};
  var total = 0.0;
  ${s.blocks} {
    ${barrier}
    ${s.meet("k")}
    ${barrier}
    ${s.scores("q", 0, "s")}
    ${s.attended()}
    var higher = most;
    ${
      s.each((v) =>
        `s${v} = select(vec4f(${lowest}), s${v} * p.scale, on${v}); higher = max(higher, ${
          largest(`s${v}`)
        });`
      )
    }
    total *= exp(most - higher);
    ${s.each((v) => `s${v} = select(vec4f(), exp(s${v} - vec4f(higher)), on${v}); total += ${sum(`s${v}`)};`)}
    most = higher;
  }
  ${barrier}
  scratch[${s.place}] = most;
  scratch[${s.place} + 1u] = total;
  ${barrier}
  ${s.joined("top", larger)}
  scratch[${s.place} + 2u] = total * exp(most - top);
  ${barrier}
  ${s.joined("whole", (x, y) => `${x} + ${y}`, 2)}
  let logSum = select(${lowest}, top + log(whole), whole > 0.0);
  if (column == 0u && own < p.tokens) { logSumExp[head * p.tokens + own] = logSum; }
  ${s.declareSums("sum")}
  ${s.blocks} {
    ${barrier}
    ${s.meet("k", "v")}
    ${s.keptOfQueries()}
    ${barrier}
    ${s.scores("q", 0, "s")}
    ${s.attended()}
    ${
      s.each((v) =>
        `{
      let weight = exp(s${v} * p.scale - vec4f(logSum)) * p.keepScale;
      let kept = select(vec4f(), weight, on${v} & ${s.isKeptKey(v)});
      ${s.putWeight("weights", v, "kept")}
    }`
      )
    }
    ${barrier}
    ${s.addWeighted("sum", "weights", s.met)}
  }
  ${s.store("out", "sum")}`,
  );
}

/** dq of the owned queries, from all keys. */
function queryGradText(s: Shader): string {
  return s.main(
    ["slopes"],
    maskInStatistics,
    `
  let at = (head * p.tokens + min(own, p.tokens - 1u)) * 2u;
  let logSum = statistics[at];
  let delta = statistics[at + 1u];
  ${s.own("q", "q")}
  ${s.own("dout", "g")}
  ${s.declareSums("sum")}
  ${s.blocks} {
    ${barrier}
    ${s.meet("k", "v")}
    ${s.keptOfQueries()}
    ${barrier}
    ${s.scores("q", 0, "s")}
    ${barrier}
    ${s.scores("g", s.met, "dp")}
    ${s.attended()}
    ${
      s.each((v) =>
        `{
      let weight = select(vec4f(), exp(s${v} * p.scale - vec4f(logSum)), on${v});
      let kept = select(vec4f(), dp${v} * p.keepScale, ${s.isKeptKey(v)});
      let slope = weight * (kept - vec4f(delta)) * p.scale;
      ${s.putWeight("slopes", v, "slope")}
    }`
      )
    }
    ${barrier}
    ${s.addWeighted("sum", "slopes", 0)}
  }
  ${s.store("dq", "sum")}`,
  );
}

/** dk and dv of the owned keys, from all queries. */
function keyGradText(s: Shader): string {
  return s.main(
    ["weights", "slopes"],
    maskInStatistics,
    `
  let attended = attends(example, own);
  ${s.own("k", "k")}
  ${s.own("v", "v")}
  ${s.declareSums("dk")}
  ${s.declareSums("dv")}
  ${s.blocks} {
    ${barrier}
    ${s.meet("q", "dout")}
    ${s.keptOfKeys()}
    ${s.meetStatistics()}
    ${barrier}
    ${s.scores("k", 0, "s")}
    ${barrier}
    ${s.scores("v", s.met, "dp")}
    ${
      s.each((v) =>
        `{
      let within = ${s.within(v)} & vec4<bool>(attended);
      let kept = ${s.isKeptQuery(v)};
      let weight = select(vec4f(), exp(s${v} * p.scale - ${s.ofMet(v, "x")}), within);
      let used = select(vec4f(), weight * p.keepScale, kept);
      ${s.putWeight("weights", v, "used")}
      let slope = weight * (select(vec4f(), dp${v} * p.keepScale, kept) - ${s.ofMet(v, "y")}) * p.scale;
      ${s.putWeight("slopes", v, "slope")}
    }`
      )
    }
    ${barrier}
    ${s.addWeighted("dv", "weights", s.met)}
    ${s.addWeighted("dk", "slopes", 0)}
  }
  ${s.store("dk", "dk")}
  ${s.store("dv", "dv")}`,
    `var<workgroup> metStatistics: array<vec2f, ${s.met}>;`,
  );
}
