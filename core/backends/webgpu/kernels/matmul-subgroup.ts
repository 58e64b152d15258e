// Matrix product for drivers that run shaders on the CPU and have subgroups: a subgroup makes one tile, its lanes load different
// elements of the operands and hand them round. A load costs such a driver twenty times as much as a broadcast or a multiply-add.

import type { MatmulProblem, MatmulTile, MatmulVariant } from "./matmul.ts";
import { partText, storeText } from "./matmul.ts";

const range = (count: number) => [...Array(count).keys()];

/** Depths of one step where no operand is read along k; along k it is four, one vector. */
const stepAcross = 2;

/**
 * Tile of `rows` rows and, for every lane, `vectors` times four columns, or a single column when `vectors` is 0.
 * The workgroup is one subgroup of `lanes` invocations.
 */
function subgroupTile(lanes: number, rows: number, vectors: number): MatmulTile {
  const columns = lanes * (vectors === 0 ? 1 : 4 * vectors);
  return {
    name: `subgroup${rows}x${columns}`,
    rows,
    columns,
    extensions: ["subgroups"],
    reads(problem) {
      const { n, k, transposeA, transposeB, alignedA, alignedB } = problem;
      if (vectors > 0 && (n % 4 !== 0 || !alignedB)) return null;
      const reads = {
        vectorA: alignedA && (!transposeA || rows >= 4 * lanes),
        vectorB: alignedB && (transposeB || vectors > 0),
        vectorOut: vectors > 0,
      };
      return k % stepsOf({ transposeA, transposeB, ...reads }) === 0 ? reads : null;
    },
    body: (variant) => body(variant, lanes, rows, vectors),
  };
}

type Reading = Pick<MatmulVariant, "transposeA" | "transposeB" | "vectorA" | "vectorB">;

function stepsOf({ transposeA, transposeB, vectorA, vectorB }: Reading): number {
  return (!transposeA && vectorA) || (transposeB && vectorB) ? 4 : stepAcross;
}

/** The tiles for subgroups of `lanes`, and which of them suits a product: large ones reuse most, small ones waste least. */
export function subgroupTiles(lanes: number) {
  const [tall, flat] = [32, lanes];
  const deep = subgroupTile(lanes, tall, 2);
  const wide = subgroupTile(lanes, tall, 1);
  const column = subgroupTile(lanes, tall, 0);
  const row = subgroupTile(lanes, flat, 1);
  const small = subgroupTile(lanes, flat, 0);
  return {
    all: [deep, wide, column, row, small],
    choose(problem: MatmulProblem): MatmulTile | undefined {
      const { m, n, transposeA, transposeB } = problem;
      const order = n <= 2 * lanes
        ? m <= lanes ? [small] : [column]
        : m <= lanes
        ? [row, small]
        : transposeA && !transposeB && n >= deep.columns
        ? [deep, wide, column]
        : [wide, column];
      return order.find((each) => each.reads(problem) !== null);
    },
  };
}

interface Operand {
  /** Statements before the loop: a driver that moves nothing out of loops would work out every address anew. */
  readonly before: string[];
  /** Statements that load what one step of `steps` depths, from `d` on, needs. */
  readonly loads: string[];
  value(item: number, q: number): string;
}

/** Value of row r: whichever lane holds it tells the others. */
function operandA(variant: MatmulVariant, lanes: number, rows: number, steps: number): Operand {
  const { transposeA, vectorA } = variant;
  const row = (j: number) => `min(m0 + ${j * lanes}u + lane, p.m - 1u)`;
  const each = range(rows / lanes);
  if (vectorA && !transposeA) {
    return {
      before: each.map((j) => `let aAt${j} = (aBase + ${row(j)} * p.k) / 4u;`),
      loads: each.map((j) => `let a${j} = a[aAt${j} + d / 4u];`),
      value: (r, q) => `subgroupBroadcast(a${Math.floor(r / lanes)}[${q}], ${r % lanes}u)`,
    };
  }
  if (vectorA) {
    const groups = range(rows / 4 / lanes);
    return {
      before: groups.map((j) =>
        `let aAt${j} = (aBase + min(m0 + ${4 * j * lanes}u + 4u * lane, p.m - 4u)) / 4u;`
      ),
      loads: range(steps).flatMap((q) =>
        groups.map((j) => `let a${j}_${q} = a[aAt${j} + (d + ${q}u) * (p.m / 4u)];`)
      ),
      value: (r, q) =>
        `subgroupBroadcast(a${Math.floor(r / 4 / lanes)}_${q}[${r % 4}], ${Math.floor(r / 4) % lanes}u)`,
    };
  }
  const along = (q: number) => transposeA ? `(d + ${q}u) * p.m` : `d + ${q}u`;
  return {
    before: each.map((j) => `let aAt${j} = aBase + ${row(j)}${transposeA ? "" : " * p.k"};`),
    loads: range(steps).flatMap((q) => each.map((j) => `let a${j}_${q} = a[aAt${j} + ${along(q)}];`)),
    value: (r, q) => `subgroupBroadcast(a${Math.floor(r / lanes)}_${q}, ${r % lanes}u)`,
  };
}

/** Value of item g: four columns of this lane as a vector, or its one column as a number. */
function operandB(variant: MatmulVariant, lanes: number, vectors: number, steps: number): Operand {
  const { transposeB, vectorB } = variant;
  const groups = range(vectors);
  const column = (g: number, i: number) => `min(n0 + ${4 * g * lanes + i}u + 4u * lane, p.n - 1u)`;
  if (vectors === 0) {
    const own = "min(n0 + lane, p.n - 1u)";
    if (transposeB && vectorB) {
      return {
        before: [`let bAt = (bBase + ${own} * p.k) / 4u;`],
        loads: ["let b0 = loadB(bAt + d / 4u);"],
        value: (_, q) => `b0[${q}]`,
      };
    }
    const along = (q: number) => transposeB ? `d + ${q}u` : `(d + ${q}u) * p.n`;
    return {
      before: [`let bAt = bBase + ${own}${transposeB ? " * p.k" : ""};`],
      loads: range(steps).map((q) => `let b0_${q} = loadB(bAt + ${along(q)});`),
      value: (_, q) => `b0_${q}`,
    };
  }
  if (transposeB) {
    return {
      before: groups.flatMap((g) =>
        range(4).map((i) => `let bAt${g}_${i} = (bBase + ${column(g, i)} * p.k) / 4u;`)
      ),
      loads: groups.flatMap((g) => [
        ...range(4).map((i) => `let b${g}_${i} = loadB(bAt${g}_${i} + d / 4u);`),
        ...range(4).map((q) =>
          `let b${g}_q${q} = vec4f(${range(4).map((i) => `b${g}_${i}[${q}]`).join(", ")});`
        ),
      ]),
      value: (g, q) => `b${g}_q${q}`,
    };
  }
  return {
    before: groups.map((g) =>
      `let bAt${g} = (bBase + min(n0 + ${4 * g * lanes}u + 4u * lane, p.n - 4u)) / 4u;`
    ),
    loads: range(steps).flatMap((q) =>
      groups.map((g) => `let b${g}_${q} = loadB(bAt${g} + (d + ${q}u) * (p.n / 4u));`)
    ),
    value: (g, q) => `b${g}_${q}`,
  };
}

function body(variant: MatmulVariant, lanes: number, rows: number, vectors: number): string {
  const steps = stepsOf(variant);
  const items = Math.max(1, vectors);
  const type = vectors === 0 ? "f32" : "vec4f";
  const a = operandA(variant, lanes, rows, steps);
  const b = operandB(variant, lanes, vectors, steps);
  // All depths of one row before the next row: its sums stay in registers meanwhile.
  const products = range(rows).flatMap((r) =>
    range(steps).map((q) =>
      `{ let x = ${type}(${a.value(r, q)}); ${
        range(items).map((g) => `c${r}_${g} = fma(x, ${b.value(g, q)}, c${r}_${g});`).join(" ")
      } }`
    )
  );
  const store = (r: number, g: number) => {
    if (vectors === 0) {
      return `if (n0 + lane < p.n) { ${storeText(variant, "at + n0 + lane", "n0 + lane", `c${r}_0`)} }`;
    }
    const column = `n0 + ${4 * g * lanes}u + 4u * lane`;
    return `if (${column} < p.n) { ${
      storeText(variant, `(at + ${column}) / 4u`, `(${column}) / 4u`, `c${r}_${g}`)
    } }`;
  };
  return `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  ${partText}
  let m0 = group.y * ${rows}u;
  let n0 = group.x * ${lanes * (vectors === 0 ? 1 : 4 * vectors)}u;
  ${range(rows).map((r) => range(items).map((g) => `var c${r}_${g} = ${type}();`).join(" ")).join("\n  ")}
  ${[...a.before, ...b.before].join("\n  ")}
  for (var d = kStart; d < kEnd; d += ${steps}u) {
    ${[...b.loads, ...a.loads, ...products].join("\n    ")}
  }
  let outBase = z * p.m * p.n;
  ${
    range(rows).map((r) =>
      `if (m0 + ${r}u < p.m) {
    let at = outBase + (m0 + ${r}u) * p.n;
    ${range(items).map((g) => store(r, g)).join("\n    ")}
  }`
    ).join("\n  ")
  }
}`;
}
