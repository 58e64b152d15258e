// WGSL for kernels that treat one row at a time: several invocations share a row on a GPU, one does it all on a CPU driver.
// The order of the sums depends on the number of lanes only, so a device always gives the same bits.

import type { Profile } from "../recorder.ts";

/** Rows of one workgroup. */
export function rowsPerGroup(profile: Profile): number {
  return profile.lanes === 1 ? 16 : 256 / profile.lanes;
}

/**
 * Complete shader: `body` runs with `row` (in range even where `valid` is false), `valid`, and `lane`; loops go over
 * `for (var c = lane; c < size; c += lanes)`; `sumLanes` and `maxLanes` combine the lanes of a row. Needs parameter `rows`.
 */
export function rowMain(profile: Profile, body: string, helpers = ""): string {
  const { lanes } = profile;
  const rows = rowsPerGroup(profile);
  const combine = (name: string, expression: string) =>
    lanes === 1 ? `fn ${name}(value: f32, slot: u32) -> f32 { return value; }` : `
fn ${name}(value: f32, slot: u32) -> f32 {
  let own = slot % lanes;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = lanes / 2u; step > 0u; step = step >> 1u) {
    if (own < step) {
      let x = partial[slot];
      let y = partial[slot + step];
      partial[slot] = ${expression};
    }
    workgroupBarrier();
  }
  let total = partial[slot - own];
  workgroupBarrier();
  return total;
}`;
  return `
const lanes = ${lanes}u;
${lanes === 1 ? "" : `var<workgroup> partial: array<f32, ${lanes * rows}>;`}
${combine("sumLanes", "x + y")}
${combine("maxLanes", "max(x, y)")}
${helpers}
@compute @workgroup_size(${lanes * rows})
fn main(
  @builtin(workgroup_id) workgroupId: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) slot: u32,
) {
  let lane = slot % lanes;
  let unclampedRow = (workgroupId.y * workgroups.x + workgroupId.x) * ${rows}u + slot / lanes;
  let valid = unclampedRow < p.rows;
  let row = min(unclampedRow, p.rows - 1u);
${body}
}`;
}
/** Start of a running maximum: the lowest finite float32, because WGSL has no literal for infinity. */
export const lowest = "-3.4028234663852886e38";
