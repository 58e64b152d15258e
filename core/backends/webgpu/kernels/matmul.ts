// The matrix product in its four transpositions, batched, with bias or accumulation, and split along k where m·n is small.
// Kinds of shader: tiles in shared memory for GPUs, by fours where rows are aligned; for drivers that run on the CPU tiles shared by
// a subgroup, or in registers.

import { fail } from "../../../errors.ts";
import type { DeviceBuffer } from "../../backend.ts";
import type { KernelSet, MatmulArguments } from "../../kernels.ts";
import { bindings, type Extension, parameters, type Program } from "../program.ts";
import type { WebgpuBuffer } from "../pool.ts";
import type { Recorder } from "../recorder.ts";
import { HalfBuffer } from "../half.ts";
import { copyKernels } from "./copy.ts";
import type { TileTable } from "./matmul-choice.ts";
import { inWindows } from "./matmul-windows.ts";
import { unaryText } from "./functions.ts";
import { own } from "./windows.ts";

/** What the choice of a tile depends on. */
export interface MatmulProblem {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Rows of the stored operand start at multiples of four elements, so it can be read four at a time. */
  readonly alignedA: boolean;
  readonly alignedB: boolean;
}

/** Which buffers a tile's shader sees as vectors of four; vectorOut means the product and the bias. */
export interface MatmulReads {
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  readonly vectorOut: boolean;
}

/** What a tile's shader is specialised to. */
export interface MatmulVariant extends MatmulReads {
  /** The second operand is stored as f16; shaders read it through `loadB`, which widens it. */
  readonly halfB: boolean;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly bias: boolean;
  readonly accumulate: boolean;
  /** GELU of product + bias is written, and with `before` also what it was taken of. */
  readonly gelu: boolean;
  readonly before: boolean;
}

/** One way to compute a product. */
export interface MatmulTile {
  readonly name: string;
  /** Rows and columns of the product that one workgroup makes. */
  readonly rows: number;
  readonly columns: number;
  readonly extensions: readonly Extension[];
  /** Rounds the operands to f16: chosen only where half precision was asked for. */
  readonly roundsOperands?: boolean;
  /** How it reads the operands of a product; null where it cannot compute that product. */
  reads(problem: MatmulProblem): MatmulReads | null;
  body(variant: MatmulVariant): string;
}

/**
 * Parameters of every variant. Workgroup z is (matrix of the batch) · splits + split; split s covers k from s·kSplit on, and
 * the out matrices of all z lie one after the other.
 */
const parameterText = "m n k kSplit splits strideA strideB zStart";

/** WGSL that every tile begins with: what workgroup z works on. */
export const partText = `let z = group.z + p.zStart;
  let matrix = z / p.splits;
  let aBase = matrix * p.strideA;
  let bBase = matrix * p.strideB;
  let kStart = (z % p.splits) * p.kSplit;
  let kEnd = min(p.k, kStart + p.kSplit);`;

function bindingText(variant: MatmulVariant): string {
  const { bias, accumulate, before, halfB, vectorA, vectorB, vectorOut } = variant;
  const type = (vector: boolean) => vector ? "vec4f" : "f32";
  const typeB = halfB ? (vectorB ? "vec4h" : "f16") : type(vectorB);
  if (bias && accumulate) {
    fail("matmul: bias and accumulate exclude each other; add the bias in the first product");
  }
  const biasText = bias ? `bias:${type(vectorOut)}` : "";
  return `a:${type(vectorA)} b:${typeB} ${biasText} → out:${type(vectorOut)} ${
    before ? `before:${type(vectorOut)}` : ""
  }`;
}

function loadText({ vectorB }: MatmulVariant): string {
  const type = vectorB ? "vec4f" : "f32";
  return `fn loadB(at: u32) -> ${type} { return ${type}(b[at]); }`;
}

export function matmulProgram(name: string, tile: MatmulTile, variant: MatmulVariant): Program {
  return {
    name,
    bindings: bindings(bindingText(variant)),
    parameters: parameters(parameterText),
    extensions: variant.halfB ? [...new Set([...tile.extensions, "f16" as const])] : tile.extensions,
    body: loadText(variant) + (variant.gelu ? geluText : "") + tile.body(variant),
  };
}

const geluText = `${unaryText.gelu.helpers}
fn gelu(x: f32) -> f32 { return ${unaryText.gelu.value}; }
fn gelu4(x: vec4f) -> vec4f { return vec4f(gelu(x.x), gelu(x.y), gelu(x.z), gelu(x.w)); }
`;

/** WGSL that writes `value` to out[at], which lies in the column (or vector of columns) `column`. */
export function storeText(
  variant: Pick<MatmulVariant, "accumulate" | "bias" | "gelu" | "before" | "vectorOut">,
  at: string,
  column: string,
  value: string,
): string {
  if (variant.accumulate) return `out[${at}] += ${value};`;
  const sum = `${value}${variant.bias ? ` + bias[${column}]` : ""}`;
  if (!variant.gelu) return `out[${at}] = ${sum};`;
  const keep = variant.before ? `before[${at}] = inner;` : "";
  return `{ let inner = ${sum}; ${keep} out[${at}] = gelu${variant.vectorOut ? "4" : ""}(inner); }`;
}

/** Below this many workgroups a GPU is mostly idle, so a long k is shared among more of them. */
const wantedGroups = 256;
const shortestSplit = 256;

export function matmulKernels(recorder: Recorder, tiles: TileTable) {
  const { isSoftware } = recorder.profile;
  const { stridedCopy } = copyKernels(recorder);

  function splitsOf(groups: number, k: number): number {
    if (groups >= wantedGroups / 2 || k < 2 * shortestSplit || isSoftware) return 1;
    return Math.min(Math.ceil(wantedGroups / groups), Math.floor(k / shortestSplit), 64);
  }

  function product(args: MatmulArguments, gelu: boolean, before?: DeviceBuffer): void {
    const { a, b, bias, out, batch, m, n, k, strideA, strideB, transposeA, transposeB, accumulate } = args;
    if (batch * m * n === 0) return;
    const aligned = (columns: number, stride: number) => columns % 4 === 0 && stride % 4 === 0;
    const problem: MatmulProblem = {
      batch,
      m,
      n,
      k,
      transposeA,
      transposeB,
      alignedA: aligned(transposeA ? m : k, strideA),
      alignedB: aligned(transposeB ? k : n, strideB),
    };
    const tile = tiles.choose(problem);
    const reads = tile.reads(problem) ?? fail(`matmul: ${tile.name} cannot compute ${m}×${k} · ${k}×${n}`);
    const halfB = b instanceof HalfBuffer;
    const variant: MatmulVariant = {
      transposeA,
      transposeB,
      bias: bias !== undefined,
      accumulate,
      halfB,
      gelu,
      before: before !== undefined,
      ...reads,
    };
    const columns = Math.ceil(n / tile.columns);
    const rows = Math.ceil(m / tile.rows);
    let splits = splitsOf(columns * rows * batch, k);
    const kSplit = Math.ceil(k / splits / 16) * 16;
    splits = Math.max(1, Math.ceil(k / Math.max(1, kSplit)));

    const partial = splits > 1 ? recorder.pool.allocate(batch * splits * m * n, "f32") : null;
    const first: MatmulVariant = partial === null
      ? variant
      : { ...variant, bias: false, accumulate: false, gelu: false, before: false };
    const key = Object.values(first).map(Number).join("");
    const program = recorder.program(
      `matmul/${tile.name}/${key}`,
      (name) => matmulProgram(name, tile, first),
    );
    const target = partial ?? own(out);
    const second = halfB ? b.words : own(b);
    const buffers = [own(a), second, ...first.bias ? [own(bias!)] : [], target];
    if (first.before) buffers.push(own(before!));
    const depth = batch * splits;
    for (let zStart = 0; zStart < depth; zStart += 65535) {
      const values = [m, n, k, splits === 1 ? k : kSplit, splits, strideA, strideB, zStart];
      recorder.dispatch(program, buffers, values, [columns, rows, Math.min(65535, depth - zStart)]);
    }
    if (partial !== null) {
      sumSplits(args, variant, partial, splits, before);
      recorder.pool.free(partial);
    }
  }

  /** out (+)= Σ over the splits, in their order. */
  function sumSplits(
    args: MatmulArguments,
    variant: MatmulVariant,
    partial: WebgpuBuffer,
    splits: number,
    before?: DeviceBuffer,
  ): void {
    const { bias, out, batch, m, n } = args;
    const scalar = { ...variant, vectorOut: false };
    const key = [scalar.bias, scalar.accumulate, scalar.gelu, scalar.before].map(Number).join("");
    const program = recorder.program(`matmul/sumSplits/${key}`, (name) => ({
      name,
      bindings: bindings(`partial ${bias ? "bias" : ""} → out ${before ? "before" : ""}`),
      parameters: parameters("n matrix splits"),
      body: `${scalar.gelu ? geluText : ""}
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= p.matrix) { return; }
  var sum = 0.0;
  for (var s = 0u; s < p.splits; s++) { sum += partial[(id.y * p.splits + s) * p.matrix + i]; }
  let at = id.y * p.matrix + i;
  ${storeText(scalar, "at", "i % p.n", "sum")}
}`,
    }));
    const buffers = [partial, ...bias ? [own(bias)] : [], own(out), ...before ? [own(before)] : []];
    recorder.dispatch(program, buffers, [n, m * n, splits], [Math.ceil(m * n / 256), batch]);
  }

  return {
    matmul: (args: MatmulArguments) => inWindows(recorder, stridedCopy, args, (each) => product(each, false)),
    // A driver on the CPU compiles the error function into every element of a register tile: dearer than a second pass.
    ...isSoftware ? {} : {
      matmulGelu: (args: MatmulArguments & { before?: DeviceBuffer }) => product(args, true, args.before),
    },
  } satisfies Partial<KernelSet>;
}
