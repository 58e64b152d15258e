// Matrix product for GPUs, for any sizes: a workgroup stages blocks of both operands in shared memory, each invocation keeps a tile
// of the product in registers. All four transpositions differ only in how a block is read. Aligned rows are matmul-vector.ts's.

import type { MatmulProblem, MatmulTile, MatmulVariant } from "./matmul.ts";
import { partText, storeText } from "./matmul.ts";

/** Depth of a block. */
const depth = 16;

/** A workgroup makes `rows` × `columns`, each of its invocations `tileRows` × `tileColumns`. */
function tile(rows: number, columns: number, tileRows: number, tileColumns: number): MatmulTile {
  return {
    name: `shared${rows}x${columns}`,
    rows,
    columns,
    extensions: [],
    reads: () => ({ vectorA: false, vectorB: false, vectorOut: false }),
    body: (variant) => body(variant, rows, columns, tileRows, tileColumns),
  };
}

const large = tile(128, 64, 8, 4);
const medium = tile(64, 64, 4, 4);
const narrow = tile(64, 16, 4, 1);

export const sharedTiles = {
  all: [large, medium, narrow],
  choose({ m, n, batch }: MatmulProblem): MatmulTile {
    if (n <= 32) return narrow;
    // The larger tile reads less for each product, but only if enough of them keep every core busy.
    return Math.ceil(m / large.rows) * Math.ceil(n / large.columns) * batch >= 256 ? large : medium;
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
  const across = columns / tileColumns;
  const threads = across * (rows / tileRows);
  const range = (count: number) => [...Array(count).keys()];
  /** Neighbouring invocations read neighbouring elements of the stored matrix. */
  const load = (operand: "a" | "b", size: number, alongK: boolean) => {
    const bound = operand === "a" ? "p.m" : "p.n";
    const first = operand === "a" ? "m0" : "n0";
    const at = `${operand}Base + ${alongK ? "outer * p.k + inner" : `inner * ${bound} + outer`}`;
    return `for (var e = lane; e < ${size * depth}u; e += ${threads}u) {
      let item = ${alongK ? `e / ${depth}u` : `e % ${size}u`};
      let q = ${alongK ? `e % ${depth}u` : `e / ${size}u`};
      let outer = ${first} + item;
      let inner = d + q;
      var value = 0.0;
      if (outer < ${bound} && inner < kEnd) {
        value = ${operand === "a" ? `a[${at}]` : `loadB(${at})`};
      }
      ${operand}Block[q * ${size}u + item] = value;
    }`;
  };
  return `
var<workgroup> aBlock: array<f32, ${rows * depth}>;
var<workgroup> bBlock: array<f32, ${columns * depth}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${partText}
  let m0 = group.y * ${rows}u;
  let n0 = group.x * ${columns}u;
  let tileM = (lane / ${across}u) * ${tileRows}u;
  let tileN = (lane % ${across}u) * ${tileColumns}u;
  ${range(tileRows).map((r) => range(tileColumns).map((c) => `var c${r}_${c} = 0.0;`).join(" ")).join("\n  ")}
  for (var d = kStart; d < kEnd; d += ${depth}u) {
    ${load("a", rows, !transposeA)}
    ${load("b", columns, transposeB)}
    workgroupBarrier();
    for (var q = 0u; q < ${depth}u; q++) {
      ${range(tileRows).map((r) => `let a${r} = aBlock[q * ${rows}u + tileM + ${r}u];`).join("\n      ")}
      ${
    range(tileColumns).map((c) => `let b${c} = bBlock[q * ${columns}u + tileN + ${c}u];`).join("\n      ")
  }
      ${
    range(tileRows).map((r) =>
      range(tileColumns).map((c) => `c${r}_${c} = fma(a${r}, b${c}, c${r}_${c});`).join(" ")
    )
      .join("\n      ")
  }
    }
    workgroupBarrier();
  }
  let outBase = z * p.m * p.n;
  ${
    range(tileRows).map((r) =>
      range(tileColumns).map((c) => {
        const column = `n0 + tileN + ${c}u`;
        const store = storeText(
          variant,
          `outBase + (m0 + tileM + ${r}u) * p.n + ${column}`,
          column,
          `c${r}_${c}`,
        );
        return `if (m0 + tileM + ${r}u < p.m && ${column} < p.n) { ${store} }`;
      }).join("\n  ")
    ).join("\n  ")
  }
}`;
}
