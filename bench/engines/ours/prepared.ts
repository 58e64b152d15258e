// Promises the frame around a piece of work on our engine: results of a run are freed by the next one, inputs at the end.
// Leaves the work itself to its caller.
import { type Backend, scope, Tape, type Tensor } from "../../../core/mod.ts";
import type { Outputs, PreparedWork } from "../engine.ts";

/** Work without gradients: `compute` runs in a scope and its result lives until the next run. */
export function prepared(
  backend: Backend,
  options: {
    inputs: readonly Tensor[];
    compute: () => Tensor;
    /** From the tensor that `compute` gave to results in the bench's layout. */
    read: (result: Tensor) => Promise<Outputs>;
  },
): PreparedWork {
  let result: Tensor | null = null;
  const run = () => {
    result?.dispose();
    result = scope(options.compute);
  };
  return {
    run,
    settle: () => backend.synchronize(),
    async outputs() {
      run();
      return await options.read(result!);
    },
    dispose() {
      result?.dispose();
      for (const each of options.inputs) each.dispose();
    },
  };
}

/**
 * Work with gradients of `leaves`, by Σ output · seed. Gradients are cleared at the start of the next run.
 * `read` finds them in `leaf.grad`.
 */
export function preparedWithGradients(
  backend: Backend,
  options: {
    inputs: readonly Tensor[];
    leaves: readonly Tensor[];
    seed: Tensor;
    compute: () => Tensor;
    read: () => Promise<Outputs>;
  },
): PreparedWork {
  const clear = () => {
    for (const leaf of options.leaves) leaf.zeroGrad();
  };
  const run = () => {
    clear();
    scope(() => {
      const tape = new Tape();
      tape.backward(tape.run(options.compute), { seed: options.seed });
    });
  };
  return {
    run,
    settle: () => backend.synchronize(),
    async outputs() {
      run();
      return await options.read();
    },
    dispose() {
      clear();
      for (const each of options.inputs) each.dispose();
    },
  };
}
