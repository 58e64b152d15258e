// The shaders of fused attention for GPUs, where heads are wide: a workgroup owns 32 queries (or keys) of one head and meets the
// others in blocks of 32. Scores of a block are a small matrix product, four by four an invocation, and so is what is summed with
// them; in attention-text.ts an invocation holds whole rows, which for 64 numbers a head are more than a GPU has registers.

import { attendsText, type AttentionHead, maskInStatistics, maskOfKey } from "./attention-text.ts";
import { lowest } from "./rows.ts";

/** Invocations of a workgroup: 8 × 8, `down` by owned rows and `across` by the rows met. */
const side = 8;
/** Rows of a block: four an invocation. */
export const tileRows = 4 * side;
const tileInvocations = side * side;

const four = [0, 1, 2, 3];
const parts = ["x", "y", "z", "w"];
const range = (count: number) => [...Array(count).keys()];

type Size = Pick<AttentionHead, "headSize">;
const vectorsOf = ({ headSize }: Size) => headSize / 4;
/** Vectors from row to row: an odd number, so that eight rows lie in different banks. */
const strideOf = (head: Size) => vectorsOf(head) | 1;
/** Vectors of a row's weights for a block, likewise. */
const weightStride = side + 1;
/** Vectors of a head that one invocation sums. */
const sumsOf = (head: AttentionHead) => Math.ceil(vectorsOf(head) / side);

/** Whether a device with this much workgroup memory can run the tiled shaders, of which the gradients need most. */
export function tilesFit(headSize: number, bytes: number): boolean {
  const vectors = tileRows * (3 * strideOf({ headSize }) + weightStride), words = tileRows;
  return headSize % 4 === 0 && headSize >= 32 && 16 * vectors + 4 * words <= bytes;
}

const tile = (head: AttentionHead, name: string) =>
  `var<workgroup> ${name}: array<vec4f, ${tileRows * strideOf(head)}>;`;

/** Row and vector of a tile that the invocation copies in step `s`. */
function copied(head: AttentionHead, s: number): { row: string; vector: string } {
  const vectors = vectorsOf(head), rows = tileInvocations / vectors;
  if (Number.isInteger(rows)) {
    return { row: `(lane / ${vectors}u + ${s * rows}u)`, vector: `lane % ${vectors}u` };
  }
  const e = `(lane + ${s * tileInvocations}u)`;
  return { row: `(${e} / ${vectors}u)`, vector: `${e} % ${vectors}u` };
}

const copySteps = (head: AttentionHead) => range(Math.ceil(tileRows * vectorsOf(head) / tileInvocations));

/**
 * Reads the invocation's share of 32 rows from token `first` on into `name0` …, which are declared by `declare` or are variables.
 * Reading is apart from storing so that products of the block before are computed while memory answers.
 */
function fetch(head: AttentionHead, operand: string, first: string, name: string, declare = "let "): string {
  return copySteps(head).map((s) => {
    const { row, vector } = copied(head, s);
    return `${declare}${name}${s} = ` +
      `${operand}[(base + min(${first} + ${row}, p.tokens - 1u) * p.width) / 4u + ${vector}];`;
  }).join("\n    ");
}

/**
 * Stores what was fetched. Rows that are met lie in an order in which an invocation's four follow each other in the sequence while
 * those of its eight neighbours are in different banks.
 */
function put(head: AttentionHead, tile: string, name: string, order: "own" | "met", factor = ""): string {
  const whole = tileRows * vectorsOf(head);
  return copySteps(head).map((s) => {
    const { row, vector } = copied(head, s);
    const slot = order === "own" ? row : `(${row} % 4u * ${side}u + ${row} / 4u)`;
    const text = `${tile}[${slot} * ${strideOf(head)}u + ${vector}] = ${name}${s}${factor};`;
    return (s + 1) * tileInvocations <= whole
      ? text
      : `if (lane + ${s * tileInvocations}u < ${whole}u) { ${text} }`;
  }).join("\n    ");
}

/** Copies the rows that the workgroup owns. */
const own = (head: AttentionHead, operand: string, tile: string, factor = "") =>
  `{ ${fetch(head, operand, "begin", "f")}\n    ${put(head, tile, "f", "own", factor)} }`;

/** Declares `name0` … `name3`: dot products of the invocation's four owned rows, each with the four rows that it meets. */
function scores(head: AttentionHead, name: string, own: string): string {
  const stride = strideOf(head);
  return `
    ${four.map((i) => `var ${name}${i} = vec4f();`).join(" ")}
    for (var c = 0u; c < ${vectorsOf(head)}u; c++) {
      ${four.map((j) => `let m${j} = met[(${j * side}u + across) * ${stride}u + c];`).join(" ")}
      ${
    parts.map((part) => `let ${part}s = vec4f(${four.map((j) => `m${j}.${part}`).join(", ")});`).join(" ")
  }
      ${
    four.map((i) =>
      `{ let o = ${own}[(down + ${i * side}u) * ${stride}u + c]; ` +
      parts.map((part) => `${name}${i} = fma(vec4f(o.${part}), ${part}s, ${name}${i});`).join(" ") + " }"
    ).join("\n      ")
  }
    }`;
}

/** Adds to `name0_0` … the rows met, weighted by what `weights` holds of each owned row. */
function addWeighted(head: AttentionHead, name: string): string {
  const stride = strideOf(head), vectors = vectorsOf(head);
  const column = (m: number) =>
    (m + 1) * side <= vectors ? `across + ${m * side}u` : `min(across + ${m * side}u, ${vectors - 1}u)`;
  return `for (var g = 0u; g < ${side}u; g++) {
      ${four.map((i) => `let w${i} = weights[(down + ${i * side}u) * ${weightStride}u + g];`).join(" ")}
      ${
    four.map((j) =>
      range(sumsOf(head)).map((m) =>
        `{ let v = met[(${j * side}u + g) * ${stride}u + ${column(m)}]; ` +
        four.map((i) => `${name}${i}_${m} = fma(vec4f(w${i}.${parts[j]}), v, ${name}${i}_${m});`).join(" ") +
        " }"
      ).join("\n      ")
    ).join("\n      ")
  }
    }`;
}

const sums = (head: AttentionHead, text: (i: number, m: number) => string) =>
  four.flatMap((i) => range(sumsOf(head)).map((m) => text(i, m))).join(" ");

const storeWeights = (name: string) =>
  four.map((i) => `weights[(down + ${i * side}u) * ${weightStride}u + across] = ${name}${i};`).join(" ");

/** Writes the sums of the invocation's owned rows, each first turned into `value`. */
function storeSums(head: AttentionHead, buffer: string, value: (i: number, m: number) => string): string {
  const vectors = vectorsOf(head);
  return four.map((i) =>
    `if (own${i} < p.tokens) { let at = (base + own${i} * p.width) / 4u + across; ` +
    range(sumsOf(head)).map((m) =>
      (m + 1) * side <= vectors
        ? `${buffer}[at + ${m * side}u] = ${value(i, m)};`
        : `if (across + ${m * side}u < ${vectors}u) { ${buffer}[at + ${m * side}u] = ${value(i, m)}; }`
    ).join(" ") + " }"
  ).join("\n  ");
}

/**
 * One word for each of 32 queries, in workgroup memory: which weights from it to 32 keys were kept. They lie in two words of the
 * bits, because rows of T bits begin anywhere.
 */
const keptWords = (head: AttentionHead, query: string, key: string) =>
  head.dropped
    ? `if (lane < ${tileRows}u) {
      let bit = (head * p.tokens + min(${query} + lane, p.tokens - 1u)) * p.tokens + ${key};
      let shift = bit % 32u;
      let low = kept[bit / 32u] >> shift;
      keptTile[lane] = select(low | (kept[bit / 32u + 1u] << (32u - shift)), low, shift == 0u);
    }`
    : "";

/** vec4 of a flag for each of the four rows met: was the weight between it and owned row `i` kept? */
function keptOf(head: AttentionHead, i: number, owned: "query" | "key"): string {
  if (!head.dropped) return "vec4<bool>(true)";
  const row = `down + ${i * side}u`;
  return owned === "query"
    ? `((vec4u(keptTile[${row}] >> (across * 4u)) & vec4u(1u, 2u, 4u, 8u)) != vec4u())`
    : `((vec4u(${
      four.map((j) => `keptTile[across * 4u + ${j}u]`).join(", ")
    }) & vec4u(1u << (${row}))) != vec4u())`;
}

function main(head: AttentionHead, declarations: string[], mask: string, body: string): string {
  return `
${declarations.join("\n")}
${tile(head, "met")}
var<workgroup> weights: array<vec4f, ${tileRows * weightStride}>;
${head.dropped ? `var<workgroup> keptTile: array<u32, ${tileRows}>;` : ""}
${attendsText(head, mask)}
@compute @workgroup_size(${tileInvocations})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let across = lane % ${side}u;
  let down = lane / ${side}u;
  let begin = group.x * ${tileRows}u;
  let head = group.y;
  let example = head / p.heads;
  let base = example * p.tokens * p.width + (head % p.heads) * ${head.headSize}u;
  ${four.map((i) => `let own${i} = begin + down + ${i * side}u;`).join(" ")}
${body}
}`;
}

const barrier = "workgroupBarrier();";

/** `on`: which of the four keys met may be attended to. */
const keysOn = `let met0 = first + across * 4u;
    let on = vec4<bool>(${four.map((j) => `attends(example, met0 + ${j}u)`).join(", ")});`;

export function tiledForwardText(head: AttentionHead): string {
  const most = `var<workgroup> part: array<f32, ${tileRows * side}>;`;
  const partAt = (i: number) => `(down + ${i * side}u) * ${side}u`;
  const overParts = (i: number, join: (x: string, y: string) => string) =>
    range(side).map((t) => `part[${partAt(i)} + ${t}u]`).reduce(join);
  return main(
    head,
    [tile(head, "queries"), most],
    maskOfKey,
    `
  ${four.map((i) => `var most${i} = ${lowest}; var total${i} = 0.0;`).join(" ")}
  ${sums(head, (i, m) => `var sum${i}_${m} = vec4f();`)}
  ${own(head, "q", "queries", " * p.scale")}
  ${fetch(head, "k", "0u", "k", "var ")}
  for (var first = 0u; first < p.tokens; first += ${tileRows}u) {
    ${barrier}
    ${put(head, "met", "k", "met")}
    ${keptWords(head, "begin", "first")}
    ${keysOn}
    ${barrier}
    ${fetch(head, "v", "first", "v")}
    ${scores(head, "s", "queries")}
    ${
      four.map((i) =>
        `s${i} = select(vec4f(${lowest}), s${i}, on); ` +
        `part[${partAt(i)} + across] = max(max(s${i}.x, s${i}.y), max(s${i}.z, s${i}.w));`
      ).join("\n    ")
    }
    ${barrier}
    ${put(head, "met", "v", "met")}
    ${
      four.map((i) =>
        `{
      let higher = max(most${i}, ${overParts(i, (x, y) => `max(${x}, ${y})`)});
      let shrink = exp(most${i} - higher);
      most${i} = higher;
      s${i} = select(vec4f(), exp(s${i} - vec4f(higher)), on);
      total${i} = total${i} * shrink + ((s${i}.x + s${i}.y) + (s${i}.z + s${i}.w));
      s${i} = select(vec4f(), s${i} * p.keepScale, ${keptOf(head, i, "query")});
      ${range(sumsOf(head)).map((m) => `sum${i}_${m} *= shrink;`).join(" ")}
    }`
      ).join("\n    ")
    }
    ${storeWeights("s")}
    ${fetch(head, "k", `first + ${tileRows}u`, "k", "")}
    ${barrier}
    ${addWeighted(head, "sum")}
  }
  ${four.map((i) => `part[${partAt(i)} + across] = total${i};`).join(" ")}
  ${barrier}
  ${four.map((i) => `total${i} = ${overParts(i, (x, y) => `${x} + ${y}`)};`).join("\n  ")}
  ${four.map((i) => `let inverse${i} = select(0.0, 1.0 / total${i}, total${i} > 0.0);`).join(" ")}
  ${storeSums(head, "out", (i, m) => `sum${i}_${m} * inverse${i}`)}
  if (across == 0u) {
    ${
      four.map((i) =>
        `if (own${i} < p.tokens) { logSumExp[head * p.tokens + own${i}] = ` +
        `select(${lowest}, most${i} + log(total${i}), total${i} > 0.0); }`
      ).join("\n    ")
    }
  }`,
  );
}

/** dq of the owned queries, from all keys. */
export function tiledQueryGradText(head: AttentionHead): string {
  return main(
    head,
    [tile(head, "queries"), tile(head, "gradients")],
    maskInStatistics,
    `
  ${
      four.map((i) =>
        `let at${i} = (head * p.tokens + min(own${i}, p.tokens - 1u)) * 2u; ` +
        `let logSum${i} = statistics[at${i}]; let delta${i} = statistics[at${i} + 1u];`
      ).join("\n  ")
    }
  ${sums(head, (i, m) => `var sum${i}_${m} = vec4f();`)}
  ${own(head, "q", "queries")}
  ${own(head, "dout", "gradients")}
  ${fetch(head, "v", "0u", "v", "var ")}
  for (var first = 0u; first < p.tokens; first += ${tileRows}u) {
    ${barrier}
    ${put(head, "met", "v", "met")}
    ${keptWords(head, "begin", "first")}
    ${keysOn}
    ${barrier}
    ${fetch(head, "k", "first", "k")}
    ${scores(head, "dp", "gradients")}
    ${barrier}
    ${put(head, "met", "k", "met")}
    ${barrier}
    ${fetch(head, "v", `first + ${tileRows}u`, "v", "")}
    ${scores(head, "s", "queries")}
    ${
      four.map((i) =>
        `{
      let weight = select(vec4f(), exp(s${i} * p.scale - vec4f(logSum${i})), on);
      let kept = select(vec4f(), dp${i} * p.keepScale, ${keptOf(head, i, "query")});
      s${i} = weight * (kept - vec4f(delta${i})) * p.scale;
    }`
      ).join("\n    ")
    }
    ${storeWeights("s")}
    ${barrier}
    ${addWeighted(head, "sum")}
  }
  ${storeSums(head, "dq", (i, m) => `sum${i}_${m}`)}`,
  );
}

/** dk and dv of the owned keys, from all queries. */
export function tiledKeyGradText(head: AttentionHead): string {
  const ofMet = (offset: number) =>
    `vec4f(${
      four.map((j) => `statistics[(head * p.tokens + min(met0 + ${j}u, p.tokens - 1u)) * 2u + ${offset}u]`)
        .join(", ")
    })`;
  return main(
    head,
    [tile(head, "keys"), tile(head, "values")],
    maskInStatistics,
    `
  ${sums(head, (i, m) => `var dk${i}_${m} = vec4f(); var dv${i}_${m} = vec4f();`)}
  ${four.map((i) => `let attended${i} = attends(example, own${i});`).join(" ")}
  ${own(head, "k", "keys")}
  ${own(head, "v", "values")}
  ${fetch(head, "q", "0u", "q", "var ")}
  for (var first = 0u; first < p.tokens; first += ${tileRows}u) {
    ${barrier}
    ${put(head, "met", "q", "met")}
    ${keptWords(head, "first", "begin")}
    ${barrier}
    ${fetch(head, "dout", "first", "g")}
    ${scores(head, "s", "keys")}
    let met0 = first + across * 4u;
    let within = vec4<bool>(${four.map((j) => `met0 + ${j}u < p.tokens`).join(", ")});
    let logSum = ${ofMet(0)};
    let delta = ${ofMet(1)};
    ${
      four.map((i) =>
        `s${i} = select(vec4f(), exp(s${i} * p.scale - logSum), within & vec4<bool>(attended${i}));`
      ).join("\n    ")
    }
    ${barrier}
    ${put(head, "met", "g", "met")}
    ${barrier}
    ${fetch(head, "q", "first", "again")}
    ${scores(head, "dp", "values")}
    ${
      four.map((i) =>
        `{
      let kept = ${keptOf(head, i, "key")};
      let weight = select(vec4f(), s${i} * p.keepScale, kept);
      s${i} = s${i} * (select(vec4f(), dp${i} * p.keepScale, kept) - delta) * p.scale;
      dp${i} = weight;
    }`
      ).join("\n    ")
    }
    ${storeWeights("dp")}
    ${barrier}
    ${addWeighted(head, "dv")}
    ${barrier}
    ${storeWeights("s")}
    ${put(head, "met", "again", "met")}
    ${barrier}
    ${fetch(head, "q", `first + ${tileRows}u`, "q", "")}
    ${addWeighted(head, "dk")}
  }
  ${storeSums(head, "dk", (i, m) => `dk${i}_${m}`)}
  ${storeSums(head, "dv", (i, m) => `dv${i}_${m}`)}`,
  );
}
