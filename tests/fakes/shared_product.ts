// Promises a matrix product that is large enough for threads to share, of numbers that are the same on every host.
// Leaves where it runs, in this process or in a page, to the test.
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";

/** The bits of the product, and what the backend says of itself when two threads were asked for. */
export async function sharedProduct(): Promise<{ description: string; bits: number[] }> {
  const backend = await createWasmBackend({ threads: 2 });
  const [m, n, k] = [331, 70, 129];
  const fill = (length: number, step: number) => {
    const buffer = backend.allocate(length, "f32");
    // Whole numbers over a power of two: the same on every host.
    backend.write(buffer, Float32Array.from({ length }, (_, i) => (i * step % 1021) / 512 - 1));
    return buffer;
  };
  const a = fill(m * k, 37), b = fill(n * k, 91), out = backend.allocate(m * n, "f32");
  const shape = { batch: 1, m, n, k, strideA: 0, strideB: 0, transposeA: false, transposeB: true };
  let bits: number[] = [];
  for (let round = 0; round < 20; round++) {
    backend.kernels.matmul({ a, b, out, ...shape, accumulate: false });
    const values = await backend.read(out) as Float32Array;
    bits = [...new Int32Array(values.buffer, 0, values.length)];
  }
  const { description } = backend;
  backend.dispose();
  return { description, bits };
}
