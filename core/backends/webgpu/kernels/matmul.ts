// The matrix product in its four transpositions, batched, with bias or accumulation, and split along k where m·n is small.
// Two shapes of shader: tiles in shared memory for GPUs, tiles in registers alone for drivers that run on the CPU.

import { fail } from "../../../errors.ts";
import type { KernelSet, MatmulArguments } from "../../kernels.ts";
import { bindings, parameters, type Program } from "../program.ts";
import type { Recorder } from "../recorder.ts";
import { registerTile, registerTiles } from "./matmul-register.ts";
import { sharedTile, sharedTiles } from "./matmul-shared.ts";
import { own } from "./windows.ts";

/** What a tile shader is specialised to. */
export interface MatmulVariant {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly bias: boolean;
  readonly accumulate: boolean;
  /** Rows of the stored operand start at multiples of four elements, so it can be read four at a time. */
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  /** The same for the product and the bias. */
  readonly vectorOut: boolean;
}

/** Rows and columns of the product that one workgroup makes, and the shader for it. */
export interface MatmulTile {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Parameters of every variant. Workgroup z is (matrix of the batch) · splits + split; split s covers k from s·kSplit on, and
 * the out matrices of all z lie one after the other.
 */
const parameterText = "m n k kSplit splits strideA strideB zStart";

export function matmulProgram(name: string, variant: MatmulVariant, body: string): Program {
  const { bias, accumulate } = variant;
  const type = (vector: boolean) => vector ? "vec4f" : "f32";
  if (bias && accumulate) {
    fail("matmul: bias and accumulate exclude each other; add the bias in the first product");
  }
  return {
    name,
    bindings: bindings(
      `a:${type(variant.vectorA)} b:${type(variant.vectorB)} ${
        bias ? `bias:${type(variant.vectorOut)}` : ""
      } → ` +
        `out:${type(variant.vectorOut)}`,
    ),
    parameters: parameters(parameterText),
    body,
  };
}

/** WGSL that writes `value` to out[at], which lies in the column (or vector of columns) `column`. */
export function storeText(variant: MatmulVariant, at: string, column: string, value: string): string {
  if (variant.accumulate) return `out[${at}] += ${value};`;
  return `out[${at}] = ${value}${variant.bias ? ` + bias[${column}]` : ""};`;
}

/** Below this many workgroups a GPU is mostly idle, so a long k is shared among more of them. */
const wantedGroups = 256;
const shortestSplit = 256;

export function matmulKernels(recorder: Recorder) {
  const software = recorder.profile.isSoftware;

  function splitsOf(groups: number, k: number): number {
    if (groups >= wantedGroups / 2 || k < 2 * shortestSplit || software) return 1;
    return Math.min(Math.ceil(wantedGroups / groups), Math.floor(k / shortestSplit), 64);
  }

  return {
    matmul(args: MatmulArguments) {
      const { a, b, bias, out, batch, m, n, k, strideA, strideB, transposeA, transposeB, accumulate } = args;
      if (batch * m * n === 0) return;
      const aligned = (columns: number, stride: number) => columns % 4 === 0 && stride % 4 === 0;
      const variant: MatmulVariant = {
        transposeA,
        transposeB,
        bias: bias !== undefined,
        accumulate,
        vectorA: software && aligned(transposeA ? m : k, strideA),
        vectorB: software && aligned(transposeB ? k : n, strideB),
        vectorOut: software && n % 4 === 0,
      };
      const tile = software ? registerTile(m, n) : sharedTile(m, n, batch);
      const columns = Math.ceil(n / tile.columns);
      const rows = Math.ceil(m / tile.rows);
      let splits = splitsOf(columns * rows * batch, k);
      const kSplit = Math.ceil(k / splits / 16) * 16;
      splits = Math.max(1, Math.ceil(k / Math.max(1, kSplit)));

      const partial = splits > 1 ? recorder.pool.allocate(batch * splits * m * n, "f32") : null;
      const first: MatmulVariant = partial === null
        ? variant
        : { ...variant, bias: false, accumulate: false };
      const key = JSON.stringify(Object.values(first).map(Number));
      const program = recorder.program(
        `matmul/${tile.name}/${key}`,
        (name) =>
          matmulProgram(
            name,
            first,
            software ? registerTiles(tile.name, first) : sharedTiles(tile.name, first),
          ),
      );
      const target = partial ?? own(out);
      const buffers = first.bias ? [own(a), own(b), own(bias!), target] : [own(a), own(b), target];
      const depth = batch * splits;
      for (let zStart = 0; zStart < depth; zStart += 65535) {
        const values = [m, n, k, splits === 1 ? k : kSplit, splits, strideA, strideB, zStart];
        recorder.dispatch(program, buffers, values, [columns, rows, Math.min(65535, depth - zStart)]);
      }
      if (partial !== null) {
        sumSplits(args, partial, splits);
        recorder.pool.free(partial);
      }
    },
  } satisfies Partial<KernelSet>;

  /** out (+)= Σ over the splits, in their order. */
  function sumSplits(args: MatmulArguments, partial: ReturnType<typeof own>, splits: number): void {
    const { bias, out, batch, m, n, accumulate } = args;
    const program = recorder.program(`matmul/sumSplits/${bias !== undefined}/${accumulate}`, (name) => ({
      name,
      bindings: bindings(`partial ${bias ? "bias" : ""} → out`),
      parameters: parameters("n matrix splits"),
      body: `
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= p.matrix) { return; }
  var sum = 0.0;
  for (var s = 0u; s < p.splits; s++) { sum += partial[(id.y * p.splits + s) * p.matrix + i]; }
  out[id.y * p.matrix + i] ${accumulate ? "+= sum" : `= sum${bias ? " + bias[i % p.n]" : ""}`};
}`,
    }));
    const buffers = bias !== undefined ? [partial, own(bias), own(out)] : [partial, own(out)];
    recorder.dispatch(program, buffers, [n, m * n, splits], [Math.ceil(m * n / 256), batch]);
  }
}
