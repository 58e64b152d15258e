// AdamW's update and the factor of gradient clipping, on the device so that a step needs no wait for a number.
// Step counts, schedules and which parameters take part are optim/'s.

import type { KernelSet } from "../../kernels.ts";
import { bindings, parameters } from "../program.ts";
import { grid, linearMain, type Recorder } from "../recorder.ts";
import { forWindows, groupSize, own } from "./windows.ts";

export function optimizerKernels(recorder: Recorder) {
  return {
    clipScale({ normSquared, out, maximum }) {
      const program = recorder.program("clipScale", (name) => ({
        name,
        bindings: bindings("normSquared → out"),
        parameters: parameters("maximum:f32"),
        body: `
@compute @workgroup_size(1)
fn main() { out[0] = min(1.0, p.maximum / (sqrt(normSquared[0]) + 0.000001)); }`,
      }));
      recorder.dispatch(program, [own(normSquared), own(out)], [maximum], [1]);
    },
    adamw(args) {
      const { parameter, gradient, firstMoment, secondMoment, gradientScale, length } = args;
      const scaled = gradientScale !== undefined;
      const program = recorder.program(`adamw/${scaled}`, (name) => ({
        name,
        bindings: bindings(`gradient ${scaled ? "gradientScale" : ""} → parameter firstMoment secondMoment`),
        parameters: parameters(
          "length beta1:f32 rest1:f32 beta2:f32 rest2:f32 stepSize:f32 secondMomentScale:f32 epsilon:f32 " +
            "keepBefore:f32 keepAfter:f32",
        ),
        body: linearMain(
          groupSize,
          `
  if (i >= p.length) { return; }
  let g = gradient[i]${scaled ? " * gradientScale[0]" : ""};
  let m = p.beta1 * firstMoment[i] + p.rest1 * g;
  let v = p.beta2 * secondMoment[i] + p.rest2 * (g * g);
  firstMoment[i] = m;
  secondMoment[i] = v;
  let decayed = parameter[i] * p.keepBefore;
  parameter[i] = (decayed - p.stepSize * m / (sqrt(v) * p.secondMomentScale + p.epsilon)) * p.keepAfter;`,
        ),
      }));
      const { beta1, beta2, stepSize, secondMomentScale, epsilon, decayBefore, decayAfter } = args;
      // Differences from one are taken in float64: 1 − 0.999 in float32 is off in the fifth digit.
      const constants = [beta1, 1 - beta1, beta2, 1 - beta2, stepSize, secondMomentScale, epsilon];
      const keeps = [1 - decayBefore, 1 - decayAfter];
      forWindows(
        recorder,
        [gradient, parameter, firstMoment, secondMoment],
        length,
        ([g, ...state], _start, count) => {
          const views = scaled ? [g, own(gradientScale), ...state] : [g, ...state];
          recorder.dispatch(
            program,
            views,
            [count, ...constants, ...keeps],
            grid(Math.ceil(count / groupSize)),
          );
        },
      );
    },
  } satisfies Partial<KernelSet>;
}
