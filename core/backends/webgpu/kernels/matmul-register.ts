// Matrix product for drivers that run shaders on the CPU: every invocation keeps a tile of the product in registers and
// reads its operands straight from memory. No shared memory, no barriers: both are slow there.

import type { MatmulProblem, MatmulTile, MatmulVariant } from "./matmul.ts";
import { partText, storeText } from "./matmul.ts";

/** A tile of one invocation is `tileRows` × 4·`vectors`; a workgroup has `across` × `down` invocations. */
function tile(tileRows: number, vectors: number, across: number, down: number): MatmulTile {
  return {
    name: `register${tileRows}x${vectors * 4}`,
    rows: tileRows * down,
    columns: vectors * 4 * across,
    extensions: [],
    reads: ({ n, alignedA, alignedB }) => ({ vectorA: alignedA, vectorB: alignedB, vectorOut: n % 4 === 0 }),
    body: (variant) => body(variant, tileRows, vectors, across, down),
  };
}

/** Wide for layers, small for what has few columns or rows (attention heads, adapters' bottlenecks, labels). */
const wide = tile(8, 2, 8, 1);
const narrow = tile(4, 1, 4, 4);

export const registerTiles = {
  all: [wide, narrow],
  choose: ({ m, n }: MatmulProblem): MatmulTile => m >= 64 && n >= 64 ? wide : narrow,
};

const four = [0, 1, 2, 3];
const range = (count: number) => [...Array(count).keys()];

/** Statements before a step of depth `d … d + steps − 1`, before each depth of it, and the value of one item at one depth. */
interface Operand {
  readonly perStep: string[];
  perDepth(q: number): string[];
  value(item: number, q: number): string;
}

/** A as scalars: item r is row r of the tile. */
function operandA({ transposeA, vectorA }: MatmulVariant, tileRows: number): Operand {
  const at = (r: number, q: number) =>
    transposeA ? `aBase + (d + ${q}u) * p.m + row${r}` : `aBase + row${r} * p.k + d + ${q}u`;
  if (!vectorA) {
    return {
      perStep: [],
      perDepth: (q) => range(tileRows).map((r) => `let a${r} = a[${at(r, q)}];`),
      value: (r) => `a${r}`,
    };
  }
  if (transposeA) {
    // m is a multiple of four, so the four rows of a vector are all inside the matrix or all beyond it.
    return {
      perStep: [],
      perDepth: (q) =>
        range(tileRows / 4).map((g) =>
          `let a${g} = a[(aBase + (d + ${q}u) * p.m + min(m0 + ${g * 4}u, p.m - 4u)) / 4u];`
        ),
      value: (r) => `a${Math.floor(r / 4)}[${r % 4}]`,
    };
  }
  return {
    perStep: range(tileRows).map((r) => `let a${r} = a[(${at(r, 0)}) / 4u];`),
    perDepth: () => [],
    value: (r, q) => `a${r}[${q}]`,
  };
}

/** B as vectors: item c is columns 4c … 4c + 3 of the tile. */
function operandB({ transposeB, vectorB }: MatmulVariant, vectors: number): Operand {
  const column = (c: number, j: number) => `min(n0 + ${c * 4 + j}u, p.n - 1u)`;
  if (!transposeB && vectorB) {
    return {
      perStep: [],
      perDepth: (q) =>
        range(vectors).map((c) =>
          `let b${c} = loadB((bBase + (d + ${q}u) * p.n + min(n0 + ${c * 4}u, p.n - 4u)) / 4u);`
        ),
      value: (c) => `b${c}`,
    };
  }
  if (transposeB && vectorB) {
    return {
      perStep: range(vectors).flatMap((c) =>
        four.map((j) => `let b${c}_${j} = loadB((bBase + ${column(c, j)} * p.k + d) / 4u);`)
      ),
      perDepth: (q) =>
        range(vectors).map((c) => `let b${c} = vec4f(${four.map((j) => `b${c}_${j}[${q}]`).join(", ")});`),
      value: (c) => `b${c}`,
    };
  }
  const at = (c: number, j: number, q: number) =>
    transposeB ? `bBase + ${column(c, j)} * p.k + d + ${q}u` : `bBase + (d + ${q}u) * p.n + ${column(c, j)}`;
  return {
    perStep: [],
    perDepth: (q) =>
      range(vectors).map((c) => `let b${c} = vec4f(${four.map((j) => `loadB(${at(c, j, q)})`).join(", ")});`),
    value: (c) => `b${c}`,
  };
}

function body(
  variant: MatmulVariant,
  tileRows: number,
  vectors: number,
  across: number,
  down: number,
): string {
  const a = operandA(variant, tileRows);
  const b = operandB(variant, vectors);
  // Reading along k in fours wants k in fours; the alignment that allowed the vectors guarantees it.
  const steps = a.perStep.length > 0 || b.perStep.length > 0 ? 4 : 1;
  // All loads before the multiply-adds: twice as fast as alternating on a driver that schedules nothing itself.
  const depths = range(steps).map((q) =>
    `{
      ${[...b.perDepth(q), ...a.perDepth(q)].join("\n      ")}
      ${
      range(tileRows).map((r) =>
        range(vectors).map((c) => `c${r}_${c} = fma(vec4f(${a.value(r, q)}), ${b.value(c, q)}, c${r}_${c});`)
          .join(" ")
      ).join("\n      ")
    }
    }`
  );
  const store = (r: number, c: number): string => {
    const first = `n0 + ${c * 4}u`;
    if (variant.vectorOut) {
      return `if (${first} < p.n) { ${
        storeText(variant, `(at + ${first}) / 4u`, `(${first}) / 4u`, `c${r}_${c}`)
      } }`;
    }
    return four.map((j) => {
      const column = `${first} + ${j}u`;
      return `if (${column} < p.n) { ${storeText(variant, `at + ${column}`, column, `c${r}_${c}[${j}]`)} }`;
    }).join("\n    ");
  };
  const stores = range(tileRows).map((r) =>
    `if (m0 + ${r}u < p.m) {
    let at = outBase + (m0 + ${r}u) * p.n;
    ${range(vectors).map((c) => store(r, c)).join("\n    ")}
  }`
  );
  return `
@compute @workgroup_size(${across}, ${down})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  ${partText}
  let m0 = (group.y * ${down}u + local.y) * ${tileRows}u;
  let n0 = (group.x * ${across}u + local.x) * ${vectors * 4}u;
  if (m0 >= p.m || n0 >= p.n) { return; }
  ${range(tileRows).map((r) => `let row${r} = min(m0 + ${r}u, p.m - 1u);`).join("\n  ")}
  ${range(tileRows).map((r) => range(vectors).map((c) => `var c${r}_${c} = vec4f();`).join(" ")).join("\n  ")}
  for (var d = kStart; d < kEnd; d += ${steps}u) {
    ${[...b.perStep, ...a.perStep].join("\n    ")}
    ${depths.join("\n    ")}
  }
  let outBase = z * p.m * p.n;
  ${stores.join("\n  ")}
}`;
}
