// Kernels that treat every element alike: fill, casts, unary functions and their gradients, affine, accumulate, binary.
// Moving elements around is copy.ts's; reductions are reduce.ts's.

import type { DeviceBuffer } from "../../backend.ts";
import type { KernelSet } from "../../kernels.ts";
import { bindings, parameters, type Program } from "../program.ts";
import { grid, linearMain, type Recorder } from "../recorder.ts";
import { axisOffsets, axisParameters, axisValues, mergeAxes } from "./axes.ts";
import { binaryText, unaryText } from "./functions.ts";
import { forWindows, groupSize, own } from "./windows.ts";

/** Nearest f16 of a float32 given by its bits, ties to even, as float32 bits again. */
const roundToHalf = `
fn roundToHalf(bits: u32) -> u32 {
  let sign = bits & 0x80000000u;
  let size = bits & 0x7fffffffu;
  if (size >= 0x7f800000u) { return bits; }
  // 65520 is halfway between the largest f16 and what would be the next one.
  if (size >= 0x477ff000u) { return sign | 0x7f800000u; }
  if (size >= 0x38800000u) {
    let rounded = (size + 0xfffu + ((size >> 13u) & 1u)) & 0xffffe000u;
    return sign | rounded;
  }
  // Below 2^-14 the spacing is 2^-24: round the significand as an integer multiple of it.
  let shift = 126u - (size >> 23u);
  if (shift > 24u) { return sign; }
  let significand = (size & 0x7fffffu) | 0x800000u;
  let kept = significand >> shift;
  let half = 1u << (shift - 1u);
  let rest = significand & ((1u << shift) - 1u);
  let up = select(0u, 1u, rest > half || (rest == half && (kept & 1u) == 1u));
  let value = f32(kept + up) * 0.000000059604644775390625;
  return sign | bitcast<u32>(value);
}`;

interface ElementwiseText {
  /** Names of the inputs, in order. */
  readonly inputs: readonly { name: string; buffer: DeviceBuffer }[];
  readonly out: DeviceBuffer;
  readonly type?: "f32" | "i32" | "u32";
  readonly inputType?: "f32" | "i32" | "u32";
  readonly parameters?: string;
  readonly helpers?: string;
  /** Value of out[i], in terms of the inputs' names. */
  readonly value: string;
}

export function elementwiseKernels(recorder: Recorder) {
  /** An input that is also the output is not bound twice: WebGPU forbids reading and writing one buffer by two names. */
  function run(name: string, text: ElementwiseText, length: number, values: readonly number[] = []): void {
    const inputs = text.inputs.filter((each) => each.buffer !== text.out);
    const variant = text.inputs.map((each) => each.buffer === text.out ? "=" : "").join(",");
    const program = recorder.program(`${name}/${variant}`, (full): Program => ({
      name: full,
      bindings: bindings(
        `${inputs.map((each) => `${each.name}s:${text.inputType ?? text.type ?? "f32"}`).join(" ")} → out:${
          text.type ?? "f32"
        }`,
      ),
      parameters: parameters(`length ${text.parameters ?? ""}`),
      body: (text.helpers ?? "") + linearMain(
        groupSize,
        `  if (i >= p.length) { return; }\n` +
          text.inputs.map((each) =>
            `  let ${each.name} = ${each.buffer === text.out ? "out" : `${each.name}s`}[i];\n`
          )
            .join("") +
          `  out[i] = ${text.value};`,
      ),
    }));
    forWindows(recorder, [...inputs.map((each) => each.buffer), text.out], length, (views, _start, count) => {
      recorder.dispatch(program, views, [count, ...values], grid(Math.ceil(count / groupSize)));
    });
  }

  return {
    fill({ out, length, value }) {
      const type = out.dtype;
      run(`fill/${type}`, { inputs: [], out, type, parameters: `value:${type}`, value: "p.value" }, length, [
        value,
      ]);
    },
    cast({ x, out, length }) {
      run(`cast/${x.dtype}-${out.dtype}`, {
        inputs: [{ name: "x", buffer: x }],
        out,
        inputType: x.dtype,
        type: out.dtype,
        value: `${out.dtype}(x)`,
      }, length);
    },
    roundToHalf({ x, out, length }) {
      const text = { inputs: [{ name: "x", buffer: x }], out, type: "u32", helpers: roundToHalf } as const;
      run("roundToHalf", { ...text, value: "roundToHalf(x)" }, length);
    },
    unary({ operation, x, out, length }) {
      const { helpers, value } = unaryText[operation];
      run(`unary/${operation}`, { inputs: [{ name: "x", buffer: x }], out, helpers, value }, length);
    },
    unaryGrad({ operation, x, y, dy, dx, length }) {
      const { helpers, derivative, from } = unaryText[operation];
      const saved = from === "x" ? x : from === "y" ? y : undefined;
      const inputs = [{ name: "dy", buffer: dy }];
      if (saved !== undefined) inputs.push({ name: from, buffer: saved });
      run(`unaryGrad/${operation}`, { inputs, out: dx, helpers, value: `dy * ${derivative}` }, length);
    },
    affine({ x, out, length, scale, shift }) {
      const text = { inputs: [{ name: "x", buffer: x }], out, parameters: "scale:f32 shift:f32" };
      run("affine", { ...text, value: "p.scale * x + p.shift" }, length, [scale, shift]);
    },
    addTo({ x, out, length, scale }) {
      const inputs = [{ name: "x", buffer: x }, { name: "sum", buffer: out }];
      run("addTo", { inputs, out, parameters: "scale:f32", value: "sum + p.scale * x" }, length, [scale]);
    },
    binary({ operation, a, b, out, shape, aStrides, bStrides }) {
      const length = shape.reduce((product, size) => product * size, 1);
      const axes = mergeAxes(`binary ${operation}`, shape, [aStrides, bStrides]);
      const rank = axes.shape.length;
      if (rank === 1 && axes.strides[0][0] === 1 && axes.strides[1][0] === 1) {
        const inputs = [{ name: "x", buffer: a }, { name: "y", buffer: b }];
        run(`binary/${operation}/dense`, { inputs, out, value: binaryText[operation] }, length);
        return;
      }
      if (length === 0) return;
      const aliasA = a === out;
      const aliasB = b === out;
      const read = [aliasA ? "" : "a", aliasB ? "" : "b"].join(" ");
      const program = recorder.program(`binary/${operation}/${rank}/${read}`, (name) => ({
        name,
        bindings: bindings(`${read} → out`),
        parameters: parameters(`length ${axisParameters(rank, ["a", "b"])}`),
        body: linearMain(
          groupSize,
          `  if (i >= p.length) { return; }
  ${axisOffsets(rank, ["a", "b"])}
  let x = ${aliasA ? "out[i]" : "a[aAt]"};
  let y = ${aliasB ? "out[i]" : "b[bAt]"};
  out[i] = ${binaryText[operation]};`,
        ),
      }));
      const buffers = [...(aliasA ? [] : [own(a)]), ...(aliasB ? [] : [own(b)]), own(out)];
      recorder.dispatch(program, buffers, [length, ...axisValues(axes)], grid(Math.ceil(length / groupSize)));
    },
  } satisfies Partial<KernelSet>;
}
