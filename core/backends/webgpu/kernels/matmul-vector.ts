// Matrix product for GPUs where rows of both operands and of the product start at multiples of four elements: as matmul-shared.ts,
// but every load and store, from memory and from the block, moves four elements. A multiply-add costs a GPU's core as much as a
// quarter of one such load, so an 8 × 8 tile (4 loads to 64 multiply-adds) is bound by arithmetic, a scalar 8 × 4 one by its loads.

import { fail } from "../../../errors.ts";
import type { MatmulProblem, MatmulTile, MatmulVariant } from "./matmul.ts";
import { partText, storeText } from "./matmul.ts";

/** Depth of a block: with 128 × 128 tiles both blocks fill the 16 KiB that every device has. */
const depth = 16;
const four = [0, 1, 2, 3];
const range = (count: number) => [...Array(count).keys()];

/** A workgroup makes `rows` × `columns`, each of its invocations `tileRows` × `tileColumns`. */
function tile(rows: number, columns: number, tileRows: number, tileColumns: number): MatmulTile {
  return {
    name: `vector${rows}x${columns}`,
    rows,
    columns,
    extensions: [],
    reads: ({ n, alignedA, alignedB }) =>
      alignedA && alignedB && n % 4 === 0 ? { vectorA: true, vectorB: true, vectorOut: true } : null,
    body: (variant) => body(variant, rows, columns, tileRows, tileColumns),
  };
}

const large = tile(128, 128, 8, 8);
const medium = tile(128, 64, 8, 4);
const small = tile(64, 64, 8, 4);

/** Fewer workgroups than this leave cores of a large GPU idle. */
const enoughGroups = 256;

export const vectorTiles = {
  all: [large, medium, small],
  /** Undefined where the operands cannot be read by fours, or so few columns are wanted that most of a tile would be idle. */
  choose(problem: MatmulProblem): MatmulTile | undefined {
    const { m, n, batch } = problem;
    if (n <= 32 || small.reads(problem) === null) return undefined;
    const fills = ({ rows, columns }: MatmulTile) =>
      Math.ceil(m / rows) * Math.ceil(n / columns) * batch >= enoughGroups;
    return [large, medium].find(fills) ?? small;
  },
};

function body(
  variant: MatmulVariant,
  rows: number,
  columns: number,
  tileRows: number,
  tileColumns: number,
): string {
  const { transposeA, transposeB } = variant;
  const across = columns / tileColumns, down = rows / tileRows;
  const threads = across * down;
  const groups = { a: rows / 4, b: columns / 4 };
  const pieces = { a: groups.a * depth / 4, b: groups.b * depth / 4 };
  if (pieces.a + pieces.b > threads) {
    fail(
      `matmul: a block of ${rows} × ${columns} has more pieces than the ${threads} invocations that load it`,
    );
  }
  /**
   * A piece is four items at four depths: read as it lies in memory, turned where that is along k, stored by depth. Each invocation
   * has one of them, which it reads while the block before is multiplied.
   */
  const piece = (operand: "a" | "b", alongK: boolean) => {
    const [bound, first] = operand === "a" ? ["p.m", "m0"] : ["p.n", "n0"];
    const read = (at: string) => operand === "a" ? `a[(${at}) / 4u]` : `loadB((${at}) / 4u)`;
    const e = operand === "a" ? "lane" : `(lane - ${pieces.a}u)`;
    const names = alongK
      ? { item: `${e} / ${depth / 4}u`, q: `${e} % ${depth / 4}u` }
      : { item: `${e} % ${groups[operand]}u`, q: `${e} / ${groups[operand]}u` };
    const value = (i: number) =>
      alongK
        ? `select(vec4f(), ${
          read(`${operand}Base + min(outer + ${i}u, ${bound} - 1u) * p.k + min(inner, p.k - 4u)`)
        }, outer + ${i}u < ${bound} && inner < kEnd)`
        : `select(vec4f(), ${
          read(`${operand}Base + min(inner + ${i}u, p.k - 1u) * ${bound} + min(outer, ${bound} - 4u)`)
        }, outer < ${bound} && inner + ${i}u < kEnd)`;
    const stored = (j: number) => alongK ? `vec4f(${four.map((i) => `x${i}[${j}]`).join(", ")})` : `x${j}`;
    return {
      fetch: (from: string) =>
        `let outer = ${first} + 4u * (${names.item});
      let inner = ${from} + 4u * (${names.q});
      ${four.map((i) => `x${i} = ${value(i)};`).join("\n      ")}`,
      put: `let at = 4u * (${names.q}) * ${groups[operand]}u + ${names.item};
      ${four.map((j) => `${operand}Block[at + ${j * groups[operand]}u] = ${stored(j)};`).join(" ")}`,
    };
  };
  const [a, b] = [piece("a", !transposeA), piece("b", transposeB)];
  const ofPieces = (ofA: string, ofB: string) =>
    `if (lane < ${pieces.a}u) {
      ${ofA}
    } else if (lane < ${pieces.a + pieces.b}u) {
      ${ofB}
    }`;
  const rowGroups = range(tileRows / 4), columnGroups = range(tileColumns / 4);
  const sums = range(tileRows).flatMap((r) => columnGroups.map((g) => ({ r, g, name: `c${r}_${g}` })));
  return `
var<workgroup> aBlock: array<vec4f, ${groups.a * depth}>;
var<workgroup> bBlock: array<vec4f, ${groups.b * depth}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${partText}
  let m0 = group.y * ${rows}u;
  let n0 = group.x * ${columns}u;
  // Neighbouring invocations own neighbouring vectors; an invocation's groups of four lie a whole workgroup apart.
  let tileM = lane / ${across}u;
  let tileN = lane % ${across}u;
  ${sums.map(({ name }) => `var ${name} = vec4f();`).join(" ")}
  ${four.map((i) => `var x${i} = vec4f();`).join(" ")}
  ${ofPieces(a.fetch("kStart"), b.fetch("kStart"))}
  for (var d = kStart; d < kEnd; d += ${depth}u) {
    ${ofPieces(a.put, b.put)}
    workgroupBarrier();
    ${ofPieces(a.fetch(`d + ${depth}u`), b.fetch(`d + ${depth}u`))}
    for (var q = 0u; q < ${depth}u; q++) {
      ${rowGroups.map((g) => `let a${g} = aBlock[q * ${groups.a}u + ${g * down}u + tileM];`).join("\n      ")}
      ${
    columnGroups.map((g) => `let b${g} = bBlock[q * ${groups.b}u + ${g * across}u + tileN];`).join("\n      ")
  }
      ${
    sums.map(({ r, g, name }) => `${name} = fma(vec4f(a${Math.floor(r / 4)}[${r % 4}]), b${g}, ${name});`)
      .join("\n      ")
  }
    }
    workgroupBarrier();
  }
  let outBase = z * p.m * p.n;
  ${
    sums.map(({ r, g, name }) => {
      const row = `m0 + ${Math.floor(r / 4) * 4 * down + r % 4}u + 4u * tileM`;
      const column = `n0 + ${g * 4 * across}u + 4u * tileN`;
      const at = `(outBase + (${row}) * p.n + ${column}) / 4u`;
      return `if (${row} < p.m && ${column} < p.n) { ${storeText(variant, at, `(${column}) / 4u`, name)} }`;
    }).join("\n  ")
  }
}`;
}
