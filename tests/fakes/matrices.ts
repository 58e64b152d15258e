// Promises the text of a shader of subgroup matrices as one that needs none: f16 becomes f32, and each matrix operation loops. An
// operand is the place that it was loaded from, or a copy in private memory where the place is filled anew while the operand is in use;
// a lane of a result holds every `lanes`-th element. What real matrices compute is a tuning's to check, on the device.
import type { MatrixShape } from "../../core/backends/webgpu/kernels/matmul-matrix.ts";

const load =
  /let (\w+) = subgroupMatrixLoad<subgroup_matrix_(left|right)<f32, \d+, \d+>, (row|col)_major>\(&(\w+), ([^;]*)\);/g;

/**
 * `lane` must name the invocation's index in the workgroup. `refilled`: the workgroup memory whose left operands are copied; they need
 * names of their own.
 */
export function emulated(text: string, { m, n, k, lanes }: MatrixShape, refilled?: string): string {
  const held = m * n / lanes;
  const memories: string[] = [], helpers: string[] = [];
  const place = (memory: string) => {
    if (!memories.includes(memory)) memories.push(memory);
    return memories.indexOf(memory);
  };
  const written = new Set<string>();
  const body = text.replaceAll("f16", "f32")
    .replaceAll(load, (_, name, side, order, memory, at) => {
      if (side === "right" || memory !== refilled) {
        return `let ${name} = vec4u(${at}, ${order === "col" ? 1 : 0}u, ${place(memory)}u);`;
      }
      const copy = `copy_${name}`;
      helpers.push(`
var<private> ${copy}: array<f32, ${m * k}>;
fn fill_${copy}(at: u32, stride: u32) {
  for (var i = 0u; i < ${m * k}u; i++) { ${copy}[i] = ${memory}[at + i / ${k}u * stride + i % ${k}u]; }
}`);
      return `fill_${copy}(${at}); let ${name} = vec4u(0u, ${k}u, 0u, ${place(copy)}u);`;
    })
    .replaceAll(/subgroupMatrixStore<row_major>\(&(\w+), /g, (_, memory) => {
      written.add(memory);
      return `write_${memory}(lane, `;
    })
    .replaceAll(/subgroup_matrix_result<[^>]*>\(\)/g, `array<f32, ${held}>()`)
    .replaceAll("subgroupMatrixMultiplyAccumulate(", "multiply(lane, ");
  const element = `let at = h * ${lanes}u + lane % ${lanes}u;`;
  for (const memory of written) {
    helpers.push(`
fn write_${memory}(lane: u32, place: u32, c: array<f32, ${held}>, stride: u32) {
  for (var h = 0u; h < ${held}u; h++) {
    ${element}
    ${memory}[place + at / ${n}u * stride + at % ${n}u] = c[h];
  }
}`);
  }
  return `
fn element(place: vec4u, row: u32, column: u32) -> f32 {
  let at = place.x + select(row * place.y + column, column * place.y + row, place.z == 1u);
  switch place.w {
    ${memories.map((memory, i) => `case ${i}u: { return ${memory}[at]; }`).join("\n    ")}
    default: { return 0.0; }
  }
}
fn multiply(lane: u32, a: vec4u, b: vec4u, c: array<f32, ${held}>) -> array<f32, ${held}> {
  var sums = c;
  for (var h = 0u; h < ${held}u; h++) {
    ${element}
    for (var i = 0u; i < ${k}u; i++) { sums[h] += element(a, at / ${n}u, i) * element(b, i, at % ${n}u); }
  }
  return sums;
}
${helpers.join("\n")}
${body}`;
}
