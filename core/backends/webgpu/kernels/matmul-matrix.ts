// Matrix product on subgroup matrices (tensor cores): operands rounded to f16 in workgroup memory, sums in f32. Needs Dawn's
// experimental feature. No subgroup arithmetic stands beside it: a driver has been seen to crash on both in one shader.

import type { MatmulTile, MatmulVariant } from "./matmul.ts";
import { partText, storeText } from "./matmul.ts";
import type { Extension } from "../program.ts";

/** What `adapter.info.subgroupMatrixConfigs` reports of f16 operands with f32 sums, and the subgroup that holds a matrix. */
export interface MatrixShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly lanes: number;
  /** The shader must ask for subgroups of that size, because the device has several. */
  readonly asksForSize?: boolean;
}

/** Rows and columns of the product that a workgroup makes, and how many of its subgroups share them in either direction. */
interface Sides {
  readonly rows: number;
  readonly columns: number;
  readonly down: number;
  readonly across: number;
}

/**
 * The larger, the fewer operands are fetched for each multiplication, and the fewer workgroups a product has. A subgroup has at most
 * 64 × 32 sums: with 64 × 64 and the next block in its registers RADV (RDNA 3) spills a hundred of them.
 */
const sizes: Sides[] = [
  { rows: 128, columns: 128, down: 2, across: 4 },
  { rows: 128, columns: 64, down: 2, across: 2 },
  { rows: 64, columns: 64, down: 2, across: 2 },
];
const usualDepth = 32;
/** Rows in workgroup memory begin at multiples of 16 bytes, and not all in the same bank. */
const padding = 8;
/** Workgroup memory of the largest tile, in bytes. */
export const matrixTileBytes = 32768;

const range = (count: number) => [...Array(count).keys()];

export const matrixExtensions = ({ asksForSize = false }: MatrixShape): Extension[] => [
  "f16",
  "chromium_experimental_subgroup_matrix",
  ...asksForSize ? ["subgroup_size_control" as const] : [],
];

/** None where the device's matrices do not divide the tiles. `depth`: of a block, along k. */
export function matrixTiles(shape: MatrixShape, depth = usualDepth): MatmulTile[] {
  const { m, n, k } = shape;
  return sizes.filter(({ rows, columns, down, across }) =>
    rows / down % m === 0 && columns / across % n === 0 && depth % k === 0
  )
    .map((sides) => ({
      name: `matrix${sides.rows}x${sides.columns}`,
      rows: sides.rows,
      columns: sides.columns,
      extensions: matrixExtensions(shape),
      roundsOperands: true,
      reads: (problem) =>
        problem.alignedA && problem.alignedB && problem.n % 4 === 0
          ? { vectorA: true, vectorB: true, vectorOut: true }
          : null,
      body: (variant) => body(variant, shape, sides, depth),
    }));
}

/** An operand of a block, in workgroup memory in the order in which it is stored in memory: by rows along k, or along the side. */
interface Staged {
  readonly text: string;
  /** Elements from row to row. */
  readonly stride: number;
  fetch(from: string, declare: string): string;
  put(): string;
}

function staged(operand: "a" | "b", alongK: boolean, side: number, depth: number, threads: number): Staged {
  const width = alongK ? depth : side, height = alongK ? side : depth;
  const stride = width + padding;
  const vectors = width / 4;
  const steps = range(width * height / 4 / threads);
  const [bound, first] = operand === "a" ? ["p.m", "m0"] : ["p.n", "n0"];
  const read = (at: string) => operand === "a" ? `a[(${at}) / 4u]` : `loadB((${at}) / 4u)`;
  const row = (s: number) => `(lane / ${vectors}u + ${s * threads / vectors}u)`;
  const column = `lane % ${vectors}u * 4u`;
  return {
    text: `var<workgroup> ${operand}Tile: array<f16, ${stride * height}>;`,
    stride,
    // Out of bounds the last vector of the operand is read, and zero taken instead.
    fetch: (from, declare) =>
      steps.map((s) => {
        const outer = alongK ? `${first} + ${row(s)}` : `${first} + ${column}`;
        const inner = alongK ? `${from} + ${column}` : `${from} + ${row(s)}`;
        const at = alongK
          ? `min(${outer}, ${bound} - 1u) * p.k + min(${inner}, p.k - 4u)`
          : `min(${inner}, p.k - 1u) * ${bound} + min(${outer}, ${bound} - 4u)`;
        return `${declare}${operand}${s} = select(vec4f(), ${read(`${operand}Base + ${at}`)}, ` +
          `${outer} < ${bound} && ${inner} < kEnd);`;
      }).join("\n    "),
    put: () =>
      steps.map((s) =>
        `{ let v = vec4<f16>(${operand}${s}); let at = ${row(s)} * ${stride}u + ${column}; ` +
        range(4).map((j) => `${operand}Tile[at + ${j}u] = v[${j}];`).join(" ") + " }"
      ).join("\n    "),
  };
}

function body(
  variant: MatmulVariant,
  { m, n, k, lanes, asksForSize = false }: MatrixShape,
  sides: Sides,
  depth: number,
): string {
  const { rows, columns } = sides;
  const subgroups = sides.down * sides.across, threads = subgroups * lanes;
  const down = range(rows / sides.down / m), across = range(columns / sides.across / n);
  const a = staged("a", !variant.transposeA, rows, depth, threads);
  const b = staged("b", variant.transposeB, columns, depth, threads);
  /** Where a matrix begins in its operand, and how it lies there. */
  const place = ({ stride }: Staged, alongK: boolean, outer: string) =>
    alongK ? `${outer} * ${stride}u + q, ${stride}u` : `q * ${stride}u + ${outer}, ${stride}u`;
  const load = (side: "left" | "right", i: number) =>
    side === "left"
      ? `let a${i}m = subgroupMatrixLoad<subgroup_matrix_left<f16, ${k}, ${m}>, ` +
        `${variant.transposeA ? "col_major" : "row_major"}>(&aTile, ${
          place(a, !variant.transposeA, `(rowBase + ${i * m}u)`)
        });`
      : `let b${i}m = subgroupMatrixLoad<subgroup_matrix_right<f16, ${n}, ${k}>, ` +
        `${variant.transposeB ? "col_major" : "row_major"}>(&bTile, ${
          place(b, variant.transposeB, `(columnBase + ${i * n}u)`)
        });`;
  const store = (i: number, j: number) => `
  subgroupMatrixStore<row_major>(&results, part * ${m * n}u, c${i}_${j}, ${n}u);
  workgroupBarrier();
  for (var e = lane % ${lanes}u; e < ${m * n / 4}u; e += ${lanes}u) {
    let row = m0 + rowBase + ${i * m}u + e / ${n / 4}u;
    let column = n0 + columnBase + ${j * n}u + e % ${n / 4}u * 4u;
    let first = part * ${m * n}u + e * 4u;
    if (row < p.m && column < p.n) {
      let value = vec4f(results[first], results[first + 1u], results[first + 2u], results[first + 3u]);
      ${storeText(variant, "(outBase + row * p.n + column) / 4u", "column / 4u", "value")}
    }
  }
  workgroupBarrier();`;
  return `
${a.text}
${b.text}
var<workgroup> results: array<f32, ${subgroups * m * n}>;
@compute @workgroup_size(${threads})${asksForSize ? ` @subgroup_size(${lanes})` : ""}
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${partText}
  let m0 = group.y * ${rows}u;
  let n0 = group.x * ${columns}u;
  let part = lane / ${lanes}u;
  let rowBase = (part / ${sides.across}u) * ${rows / sides.down}u;
  let columnBase = (part % ${sides.across}u) * ${columns / sides.across}u;
  ${
    down.map((i) =>
      across.map((j) => `var c${i}_${j} = subgroup_matrix_result<f32, ${n}, ${m}>();`).join(" ")
    ).join("\n  ")
  }
  // A block is fetched while the one before is multiplied.
  ${a.fetch("kStart", "var ")}
  ${b.fetch("kStart", "var ")}
  for (var d = kStart; d < kEnd; d += ${depth}u) {
    ${a.put()}
    ${b.put()}
    workgroupBarrier();
    ${a.fetch(`d + ${depth}u`, "")}
    ${b.fetch(`d + ${depth}u`, "")}
    for (var q = 0u; q < ${depth}u; q += ${k}u) {
      ${down.map((i) => load("left", i)).join("\n      ")}
      ${across.map((j) => load("right", j)).join("\n      ")}
      ${
    down.map((i) =>
      across.map((j) => `c${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}m, b${j}m, c${i}_${j});`).join(
        " ",
      )
    ).join("\n      ")
  }
    }
    workgroupBarrier();
  }
  let outBase = z * p.m * p.n;
  ${down.map((i) => across.map((j) => store(i, j)).join("")).join("")}
}`;
}
