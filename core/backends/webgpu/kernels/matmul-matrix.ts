// Matrix product on subgroup matrices (tensor cores): operands rounded to f16 in workgroup memory, sums in f32. Needs Dawn's
// experimental feature. No subgroup arithmetic stands beside it: a driver has been seen to crash on both in one shader.

import type { MatmulTile, MatmulVariant } from "./matmul.ts";
import { partText, storeText } from "./matmul.ts";

/** What `adapter.info.subgroupMatrixConfigs` reports of f16 operands with f32 sums, and the subgroup that holds a matrix. */
export interface MatrixShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly lanes: number;
}

/** A workgroup of four subgroups makes 64 × 64, each of them a quarter. */
const side = 64;
const quarter = side / 2;
const depth = 32;
/** Rows in workgroup memory begin at multiples of 16 bytes, and not all in the same bank. */
const strideA = depth + 8;
const strideB = side + 8;

const range = (count: number) => [...Array(count).keys()];

export function matrixTiles(shape: MatrixShape): MatmulTile[] {
  const { m, n, k } = shape;
  if (quarter % m !== 0 || quarter % n !== 0 || depth % k !== 0) return [];
  return [{
    name: `matrix${m}x${n}x${k}`,
    rows: side,
    columns: side,
    extensions: ["f16", "chromium_experimental_subgroup_matrix"],
    roundsOperands: true,
    reads: () => ({ vectorA: false, vectorB: false, vectorOut: false }),
    body: (variant) => body(variant, shape),
  }];
}

function body(variant: MatmulVariant, { m, n, k, lanes }: MatrixShape): string {
  const { transposeA, transposeB } = variant;
  const threads = 4 * lanes;
  const down = range(quarter / m);
  const across = range(quarter / n);
  /** Neighbouring invocations read neighbouring elements of the stored matrix. */
  const stage = (operand: "a" | "b", alongK: boolean) => {
    const bound = operand === "a" ? "p.m" : "p.n";
    const at = `${operand}Base + ${alongK ? "outer * p.k + inner" : `inner * ${bound} + outer`}`;
    return `for (var e = lane; e < ${side * depth}u; e += ${threads}u) {
      let item = ${alongK ? `e / ${depth}u` : `e % ${side}u`};
      let q = ${alongK ? `e % ${depth}u` : `e / ${side}u`};
      let outer = ${operand === "a" ? "m0" : "n0"} + item;
      let inner = d + q;
      var value = 0.0h;
      if (outer < ${bound} && inner < kEnd) { value = f16(${operand === "a" ? `a[${at}]` : `loadB(${at})`}); }
      ${operand}Tile[${operand === "a" ? `item * ${strideA}u + q` : `q * ${strideB}u + item`}] = value;
    }`;
  };
  const store = (i: number, j: number) => `
  subgroupMatrixStore<row_major>(&results, part * ${m * n}u, c${i}_${j}, ${n}u);
  workgroupBarrier();
  for (var e = lane % ${lanes}u; e < ${m * n}u; e += ${lanes}u) {
    let row = m0 + rowBase + ${i * m}u + e / ${n}u;
    let column = n0 + columnBase + ${j * n}u + e % ${n}u;
    if (row < p.m && column < p.n) {
      ${storeText(variant, "outBase + row * p.n + column", "column", `results[part * ${m * n}u + e]`)}
    }
  }
  workgroupBarrier();`;
  return `
var<workgroup> aTile: array<f16, ${side * strideA}>;
var<workgroup> bTile: array<f16, ${depth * strideB}>;
var<workgroup> results: array<f32, ${4 * m * n}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${partText}
  let m0 = group.y * ${side}u;
  let n0 = group.x * ${side}u;
  let part = lane / ${lanes}u;
  let rowBase = (part / 2u) * ${quarter}u;
  let columnBase = (part % 2u) * ${quarter}u;
  ${
    down.map((i) =>
      across.map((j) => `var c${i}_${j} = subgroup_matrix_result<f32, ${n}, ${m}>();`).join(" ")
    )
      .join("\n  ")
  }
  for (var d = kStart; d < kEnd; d += ${depth}u) {
    ${stage("a", !transposeA)}
    ${stage("b", transposeB)}
    workgroupBarrier();
    for (var q = 0u; q < ${depth}u; q += ${k}u) {
      ${
    down.map((i) =>
      `let a${i} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${k}, ${m}>, row_major>(&aTile, ` +
      `(rowBase + ${i * m}u) * ${strideA}u + q, ${strideA}u);`
    ).join("\n      ")
  }
      ${
    across.map((j) =>
      `let b${j} = subgroupMatrixLoad<subgroup_matrix_right<f16, ${n}, ${k}>, row_major>(&bTile, ` +
      `q * ${strideB}u + columnBase + ${j * n}u, ${strideB}u);`
    ).join("\n      ")
  }
      ${
    down.map((i) =>
      across.map((j) => `c${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}_${j});`).join(" ")
    ).join("\n      ")
  }
    }
    workgroupBarrier();
  }
  let outBase = z * p.m * p.n;
  ${down.map((i) => across.map((j) => store(i, j)).join("")).join("")}
}`;
}
