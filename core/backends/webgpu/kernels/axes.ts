// Index arithmetic of strided kernels: merges axes on the host, writes the WGSL that turns a flat index into offsets.
// Knows nothing of buffers.

import { fail } from "../../../errors.ts";

export interface Axes {
  readonly shape: number[];
  /** One list of strides per operand. */
  readonly strides: number[][];
}

/** Joins neighbouring axes that every operand walks as one and drops axes of size 1; at least one axis remains. */
export function mergeAxes(
  action: string,
  shape: readonly number[],
  strides: readonly (readonly number[])[],
): Axes {
  if (shape.length > 5) {
    fail(`${action}: ${shape.length} axes, at most 5; reshape neighbouring axes into one`);
  }
  const merged: Axes = { shape: [], strides: strides.map(() => []) };
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis];
    if (size === 1) continue;
    const last = merged.shape.length - 1;
    if (last >= 0 && strides.every((each, o) => merged.strides[o][last] === each[axis] * size)) {
      merged.shape[last] *= size;
      strides.forEach((each, o) => merged.strides[o][last] = each[axis]);
    } else {
      merged.shape.push(size);
      strides.forEach((each, o) => merged.strides[o].push(each[axis]));
    }
  }
  if (merged.shape.length === 0) {
    merged.shape.push(1);
    for (const each of merged.strides) each.push(1);
  }
  return merged;
}

/** Parameters `shape0 … ` and `<operand>Stride0 …` for `rank` axes, in the order of `axisValues`. */
export function axisParameters(rank: number, operands: readonly string[]): string {
  const names: string[] = [];
  for (let axis = 0; axis < rank; axis++) {
    names.push(`shape${axis}`, ...operands.map((operand) => `${operand}Stride${axis}`));
  }
  return names.join(" ");
}

export function axisValues(axes: Axes): number[] {
  return axes.shape.flatMap((size, axis) => [size, ...axes.strides.map((each) => each[axis])]);
}

/** WGSL statements that declare `<operand>At` for the flat index `i`. */
export function axisOffsets(rank: number, operands: readonly string[]): string {
  const lines = ["var rest = i;", ...operands.map((operand) => `var ${operand}At = 0u;`)];
  for (let axis = rank - 1; axis >= 0; axis--) {
    const at = axis === 0 ? "rest" : `(rest % p.shape${axis})`;
    for (const operand of operands) lines.push(`${operand}At += ${at} * p.${operand}Stride${axis};`);
    if (axis > 0) lines.push(`rest = rest / p.shape${axis};`);
  }
  return lines.join("\n  ");
}
