// Promises how far a matrix product is from float64 sums, on whatever computes it. Leaves judging that to the tests.
import type { DeviceBuffer, HostArray } from "../../core/backends/backend.ts";
import type { MatmulArguments } from "../../core/backends/kernels.ts";

type Shape = Pick<MatmulArguments, "batch" | "m" | "n" | "k" | "transposeA" | "transposeB">;

export interface Product extends Shape {
  mode: "plain" | "bias" | "accumulate";
  /** One second operand serves the whole batch. */
  repeatedB?: boolean;
}

/** The part of a backend that a product needs. */
export interface ProductDevice {
  put(data: Float32Array): DeviceBuffer;
  matmul(args: MatmulArguments): void;
  read(buffer: DeviceBuffer): Promise<HostArray>;
  free(buffer: DeviceBuffer): void;
}

/** Reproducible values in [−0.5, 0.5). */
function values(length: number, seed: number): Float32Array {
  let state = seed * 2654435761 >>> 0;
  return Float32Array.from(
    { length },
    () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5,
  );
}

/** Largest error of one product; NaN where any element is. */
export async function productError(on: ProductDevice, product: Product): Promise<number> {
  const { batch, m, n, k, transposeA, transposeB, mode, repeatedB = false } = product;
  const strideA = m * k, strideB = repeatedB ? 0 : k * n;
  const a = values(batch * m * k, 1), b = values((repeatedB ? 1 : batch) * k * n, 2);
  const before = values(batch * m * n, 3), bias = values(n, 4);
  const buffers = [a, b, before, bias].map((data) => on.put(data));
  on.matmul({
    ...{ a: buffers[0], b: buffers[1], out: buffers[2], bias: mode === "bias" ? buffers[3] : undefined },
    ...{ batch, m, n, k, transposeA, transposeB, strideA, strideB, accumulate: mode === "accumulate" },
  });
  const out = await on.read(buffers[2]);
  for (const buffer of buffers) on.free(buffer);
  let worst = 0;
  for (let z = 0; z < batch; z++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const at = (z * m + i) * n + j;
        let sum = mode === "bias" ? bias[j] : mode === "accumulate" ? before[at] : 0;
        for (let d = 0; d < k; d++) {
          sum += a[z * strideA + (transposeA ? d * m + i : i * k + d)] *
            b[z * strideB + (transposeB ? j * k + d : d * n + j)];
        }
        worst = Math.max(worst, Math.abs(sum - out[at]));
      }
    }
  }
  return worst;
}
