// The shaders of fused attention. An invocation owns a query (or a key); the rows it meets come in blocks that neighbours load
// together and share: through workgroup memory on a GPU, from lane to lane of a subgroup on a driver that runs on the CPU.

import type { Extension } from "../program.ts";
import { lowest } from "./rows.ts";

/** How a block of rows is shared among the invocations of a workgroup. */
export interface Sharing {
  readonly by: "workgroup" | "subgroup";
  /** Invocations of a workgroup; by subgroup, those of one subgroup. */
  readonly size: number;
  /** Rows of a block; by subgroup as many as invocations. */
  readonly block: number;
}

/** What a shader is specialised to. */
export interface AttentionHead {
  readonly headSize: number;
  readonly masked: boolean;
  readonly dropped: boolean;
}

export interface AttentionVariant extends AttentionHead {
  readonly sharing: Sharing;
}

export const attentionParameters = "tokens heads width scale:f32 keepScale:f32 maskAt";

export const extensionsOf = ({ sharing }: AttentionVariant): Extension[] =>
  sharing.by === "subgroup" ? ["subgroups"] : [];

const range = (count: number) => [...Array(count).keys()];

/** Vectors of four that hold one head of one token. */
const vectorsOf = (variant: AttentionVariant) => Math.ceil(variant.headSize / 4);

/** Binding type: heads of a multiple of four are read and written as vectors. */
export const typeOf = (variant: AttentionHead) => variant.headSize % 4 === 0 ? "vec4f" : "f32";

/** Vector `c` of the head that starts at element `at`; what lies beyond the head is zero. `c` may be a name for vectors. */
function load(variant: AttentionVariant, buffer: string, at: string, c: number): string {
  if (variant.headSize % 4 === 0) return `${buffer}[(${at}) / 4u + ${c}u]`;
  const parts = range(4).map((j) =>
    c * 4 + j < variant.headSize ? `${buffer}[${at} + ${c * 4 + j}u]` : "0.0"
  );
  return `vec4f(${parts.join(", ")})`;
}

function store(variant: AttentionVariant, buffer: string, at: string, c: number, value: string): string {
  if (variant.headSize % 4 === 0) return `${buffer}[(${at}) / 4u + ${c}u] = ${value};`;
  return range(4).filter((j) => c * 4 + j < variant.headSize)
    .map((j) => `${buffer}[${at} + ${c * 4 + j}u] = (${value})[${j}];`).join(" ");
}

const each = (variant: AttentionVariant, text: (c: number) => string) =>
  range(vectorsOf(variant)).map(text).join("\n  ");

/** Statements that declare `name` as the dot product of two heads; four running sums, so that none waits for the last. */
function dot(
  variant: AttentionVariant,
  name: string,
  left: (c: number) => string,
  right: (c: number) => string,
) {
  const rest = range(vectorsOf(variant)).slice(1);
  return `var ${name}4 = ${left(0)} * ${right(0)}; ` +
    rest.map((c) => `${name}4 = fma(${left(c)}, ${right(c)}, ${name}4);`).join(" ") +
    ` let ${name} = (${name}4.x + ${name}4.y) + (${name}4.z + ${name}4.w);`;
}

/** The rows of a block, and one more value a row (a flag, or the pair of statistics). */
interface Block {
  /** Declarations outside of main. */
  readonly declarations: string;
  /** Loads the block that starts at token `first`. */
  readonly stage: string;
  /** Vector `c` of row `t` of an operand; `t` is a number, or an expression where blocks are walked by a loop. */
  row(operand: string, t: string, c: number): string;
  extra(t: string): string;
}

function blockOf(variant: AttentionVariant, operands: readonly string[], extra: string, type: string): Block {
  const { sharing: { by, size, block } } = variant;
  const vectors = vectorsOf(variant);
  if (by === "subgroup") {
    return {
      declarations: "",
      stage: `
    let token = first + lane;
    let rowAt = base + min(token, p.tokens - 1u) * p.width;
    ${
        operands.map((operand) =>
          each(variant, (c) => `let ${operand}Row${c} = ${load(variant, operand, "rowAt", c)};`)
        ).join("\n    ")
      }
    let extraRow = ${extra};`,
      row: (operand, t, c) => `subgroupBroadcast(${operand}Row${c}, ${t}u)`,
      extra: (t) => `subgroupBroadcast(extraRow, ${t}u)`,
    };
  }
  const loops = Math.ceil(block * vectors / size);
  return {
    declarations:
      operands.map((operand) => `var<workgroup> ${operand}Tile: array<vec4f, ${block * vectors}>;`).join(
        "\n",
      ) + `\nvar<workgroup> extraTile: array<${type}, ${block}>;`,
    stage: `
    workgroupBarrier();
    for (var e = lane; e < ${loops * size}u; e += ${size}u) {
      if (e < ${block * vectors}u) {
        let rowAt = base + min(first + e / ${vectors}u, p.tokens - 1u) * p.width;
        ${
      operands.map((operand) =>
        variant.headSize % 4 === 0
          ? `${operand}Tile[e] = ${operand}[rowAt / 4u + e % ${vectors}u];`
          : `switch (e % ${vectors}u) { ${
            range(vectors).map((c) =>
              `${c === vectors - 1 ? "default" : `case ${c}u`}: { ${operand}Tile[e] = ${
                load(variant, operand, "rowAt", c)
              }; }`
            ).join(" ")
          } }`
      ).join("\n        ")
    }
      }
      if (e < ${block}u) {
        let token = first + e;
        extraTile[e] = ${extra};
      }
    }
    workgroupBarrier();`,
    row: (operand, t, c) => `${operand}Tile[(${t}) * ${vectors}u + ${c}u]`,
    extra: (t) => `extraTile[${t}]`,
  };
}

/** Walks the rows of a block, `together` at a time: written out where lanes must be numbers, else a loop. */
function walk(variant: AttentionVariant, together: number, body: (rows: string[]) => string): string {
  const { by, block } = variant.sharing;
  if (by === "subgroup") {
    return range(block / together).map((g) =>
      `{ ${body(range(together).map((t) => `${g * together + t}`))} }`
    ).join("\n    ");
  }
  return `for (var t = 0u; t < ${block}u; t += ${together}u) { ${
    body(range(together).map((j) => `(t + ${j}u)`))
  } }`;
}

/** Which keys may be attended to. */
export const attendsText = ({ masked }: AttentionHead, mask: string) => `
fn attends(example: u32, key: u32) -> bool {
  return key < p.tokens${masked ? ` && ${mask}` : ""};
}`;

/** Invocation `own` is one query or key of head `head` of example `example`; `base` is where the head's tokens begin. */
function main(variant: AttentionVariant, declarations: string, attends: string, body: string): string {
  const { by, size } = variant.sharing;
  const lane = by === "subgroup" ? "subgroup_invocation_id" : "local_invocation_index";
  return `
${declarations}
fn isKept(head: u32, query: u32, key: u32) -> bool {
  ${
    variant.dropped
      ? "let e = (head * p.tokens + min(query, p.tokens - 1u)) * p.tokens + min(key, p.tokens - 1u);\n" +
        "  return ((kept[e / 32u] >> (e % 32u)) & 1u) == 1u;"
      : "return true;"
  }
}${attendsText(variant, attends)}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(${lane}) lane: u32) {
  let own = group.x * ${size}u + lane;
  let head = group.y;
  let example = head / p.heads;
  let base = example * p.tokens * p.width + (head % p.heads) * ${variant.headSize}u;
  let ownAt = base + min(own, p.tokens - 1u) * p.width;
${body}
}`;
}

export const maskOfKey = "mask[example * p.tokens + min(key, p.tokens - 1u)] != 0";
/** In the gradients the mask stands behind the rows' statistics, because eight storage buffers are all that some devices bind. */
export const maskInStatistics = "statistics[p.maskAt + example * p.tokens + min(key, p.tokens - 1u)] != 0.0";

/** Keys that share one rescaling of the running sums. */
const keysPerStep = 4;

export function forwardText(variant: AttentionVariant): string {
  const block = blockOf(variant, ["k", "v"], "select(0u, 1u, attends(example, token))", "u32");
  return main(
    variant,
    block.declarations,
    maskOfKey,
    `
  ${each(variant, (c) => `let q${c} = ${load(variant, "q", "ownAt", c)} * p.scale;`)}
  ${each(variant, (c) => `var sum${c} = vec4f();`)}
  var most = ${lowest};
  var total = 0.0;
  for (var first = 0u; first < p.tokens; first += ${variant.sharing.block}u) {${block.stage}
    ${
      walk(variant, keysPerStep, (rows) => {
        const keys = range(rows.length);
        return `
    ${
          keys.map((j) => `
    ${dot(variant, `dot${j}`, (c) => `q${c}`, (c) => block.row("k", rows[j], c))}
    let on${j} = ${block.extra(rows[j])} == 1u;
    let s${j} = select(${lowest}, dot${j}, on${j});`).join("")
        }
    let higher = max(most, ${keys.map((j) => `s${j}`).reduce((x, y) => `max(${x}, ${y})`)});
    let shrink = exp(most - higher);
    most = higher;
    ${keys.map((j) => `let p${j} = select(0.0, exp(s${j} - most), on${j});`).join(" ")}
    total = total * shrink + ${keys.map((j) => `p${j}`).join(" + ")};
    ${
          keys.map((j) =>
            `let w${j} = select(0.0, p${j} * p.keepScale, isKept(head, own, first + ${rows[j]}));`
          ).join(" ")
        }
    ${
          each(variant, (c) =>
            `sum${c} *= shrink; ` +
            keys.map((j) => `sum${c} = fma(vec4f(w${j}), ${block.row("v", rows[j], c)}, sum${c});`).join(" "))
        }`;
      })
    }
  }
  if (own < p.tokens) {
    let inverse = select(0.0, 1.0 / total, total > 0.0);
    ${each(variant, (c) => store(variant, "out", "ownAt", c, `sum${c} * inverse`))}
    logSumExp[head * p.tokens + own] = select(${lowest}, most + log(total), total > 0.0);
  }`,
  );
}

/** dq of the own query, from all keys. */
export function queryGradText(variant: AttentionVariant): string {
  const block = blockOf(variant, ["k", "v"], "select(0u, 1u, attends(example, token))", "u32");
  return main(
    variant,
    block.declarations,
    maskInStatistics,
    `
  ${each(variant, (c) => `let q${c} = ${load(variant, "q", "ownAt", c)};`)}
  ${each(variant, (c) => `let g${c} = ${load(variant, "dout", "ownAt", c)};`)}
  ${each(variant, (c) => `var sum${c} = vec4f();`)}
  let statisticsAt = (head * p.tokens + min(own, p.tokens - 1u)) * 2u;
  let logSum = statistics[statisticsAt];
  let delta = statistics[statisticsAt + 1u];
  for (var first = 0u; first < p.tokens; first += ${variant.sharing.block}u) {${block.stage}
    ${
      walk(variant, 1, ([t]) => `
    ${dot(variant, "score", (c) => `q${c}`, (c) => block.row("k", t, c))}
    ${dot(variant, "dv", (c) => `g${c}`, (c) => block.row("v", t, c))}
    let on = ${block.extra(t)} == 1u;
    let weight = select(0.0, exp(score * p.scale - logSum), on);
    let ds = weight * (select(0.0, dv * p.keepScale, isKept(head, own, first + ${t})) - delta) * p.scale;
    ${each(variant, (c) => `sum${c} = fma(vec4f(ds), ${block.row("k", t, c)}, sum${c});`)}`)
    }
  }
  if (own < p.tokens) {
    ${each(variant, (c) => store(variant, "dq", "ownAt", c, `sum${c}`))}
  }`,
  );
}

/** dk and dv of the own key, from all queries. */
export function keyGradText(variant: AttentionVariant): string {
  const statistics = "(head * p.tokens + min(token, p.tokens - 1u)) * 2u";
  const block = blockOf(
    variant,
    ["q", "dout"],
    `vec2f(statistics[${statistics}], statistics[${statistics} + 1u])`,
    "vec2f",
  );
  return main(
    variant,
    block.declarations,
    maskInStatistics,
    `
  ${each(variant, (c) => `let k${c} = ${load(variant, "k", "ownAt", c)};`)}
  ${each(variant, (c) => `let v${c} = ${load(variant, "v", "ownAt", c)};`)}
  ${each(variant, (c) => `var dkSum${c} = vec4f(); var dvSum${c} = vec4f();`)}
  let attended = attends(example, own);
  for (var first = 0u; first < p.tokens; first += ${variant.sharing.block}u) {${block.stage}
    ${
      walk(variant, 1, ([t]) => `
    ${dot(variant, "score", (c) => `k${c}`, (c) => block.row("q", t, c))}
    ${dot(variant, "dv", (c) => `v${c}`, (c) => block.row("dout", t, c))}
    let row = ${block.extra(t)};
    let on = attended && first + ${t} < p.tokens;
    let weight = select(0.0, exp(score * p.scale - row.x), on);
    let isWeightKept = isKept(head, first + ${t}, own);
    let ds = weight * (select(0.0, dv * p.keepScale, isWeightKept) - row.y) * p.scale;
    let w = select(0.0, weight * p.keepScale, isWeightKept);
    ${each(variant, (c) => `dkSum${c} = fma(vec4f(ds), ${block.row("q", t, c)}, dkSum${c});`)}
    ${each(variant, (c) => `dvSum${c} = fma(vec4f(w), ${block.row("dout", t, c)}, dvSum${c});`)}`)
    }
  }
  if (own < p.tokens) {
    ${each(variant, (c) => store(variant, "dk", "ownAt", c, `dkSum${c}`))}
    ${each(variant, (c) => store(variant, "dv", "ownAt", c, `dvSum${c}`))}
  }`,
  );
}
