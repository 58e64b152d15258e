// The tape: define-by-run reverse-mode differentiation that is aware of frozen parameters.
// An operation is recorded only if one of its inputs leads to something trainable, so a frozen encoder below the lowest
// trainable adapter records nothing, keeps nothing, and has no backward pass. What an operation saves is its own choice (ops/).

import type { Backend } from "./backends/backend.ts";
import { CoreError, fail } from "./errors.ts";
import { sameShape, type Shape, showShape, sizeOf } from "./shape.ts";
import { empty, full, keep, scope, Storage, Tensor } from "./tensor.ts";

export interface BackwardContext {
  /** When set, gradients of leaves are wanted per example: shape [examples, …leaf]. */
  readonly examples: number | null;
}

/** Returns one gradient per input (undefined where none is needed). `saved` are the tensors given to `record`, in order. */
export type BackwardFunction = (
  dy: Tensor,
  saved: readonly Tensor[],
  context: BackwardContext,
) => readonly (Tensor | undefined)[];

interface Node {
  readonly operation: string;
  readonly output: Tensor;
  readonly inputs: readonly Tensor[];
  readonly saved: readonly Tensor[];
  readonly backward: BackwardFunction;
  readonly perExample: boolean;
}

let activeTape: Tape | null = null;

/** True when a gradient must reach `value` on the tape that is recording now. */
export function needsGrad(value: Tensor | undefined): boolean {
  return value !== undefined && activeTape !== null && (value.trainable || value.tape === activeTape);
}

/**
 * Notes on the active tape how `output` came from `inputs`; does nothing when no input needs a gradient.
 * `save` is called only if the operation is recorded and names what backward will read: nothing else is kept alive.
 */
export function record(
  operation: string,
  output: Tensor,
  inputs: readonly (Tensor | undefined)[],
  save: () => readonly Tensor[],
  backward: BackwardFunction,
  options: { perExample?: boolean } = {},
): Tensor {
  if (activeTape === null || !inputs.some(needsGrad)) return output;
  output.tape = activeTape;
  activeTape.push({
    operation,
    output,
    inputs: inputs as readonly Tensor[],
    saved: save().map((value) => keep(value.alias())),
    backward,
    perExample: options.perExample ?? false,
  });
  return output;
}

/**
 * An uninitialised gradient for an operation to fill: in the place that an optimizer has set aside for the leaf when it is the
 * leaf's first, else anywhere.
 */
export function emptyGradient(backend: Backend, leaf: Tensor, shape: Shape = leaf.shape): Tensor {
  const place = leaf.gradientPlace;
  if (place === null || leaf.grad !== null || sizeOf(shape) !== leaf.size) return empty(backend, shape);
  const buffer = backend.view(place.buffer, place.offset, leaf.size);
  return new Tensor(new Storage(backend, buffer, place), shape, "f32");
}

/** A recording of one forward pass. Use once: run, backward, and it is empty again. */
export class Tape {
  #nodes: Node[] = [];

  /** Number of recorded operations; 0 for a forward pass through frozen parameters only. */
  get length(): number {
    return this.#nodes.length;
  }

  push(node: Node): void {
    this.#nodes.push(node);
  }

  /** Runs `forward` with recording on. Scopes inside it may end: what the tape saved stays alive. */
  run<T>(forward: () => T): T {
    if (activeTape !== null) {
      fail("Tape.run: another tape is recording; finish it first (gradients of gradients are not supported)");
    }
    activeTape = this;
    try {
      return forward();
    } catch (error) {
      this.dispose();
      throw error;
    } finally {
      activeTape = null;
    }
  }

  /**
   * Adds d(loss)/d(leaf) to `leaf.grad` of every trainable leaf that the loss depends on and frees what the tape saved.
   * `loss` has one element (or pass `seed`, the gradient of the final value by the loss, of its shape).
   * With `examples` = B the loss must be a sum over B examples laid out in equal consecutive blocks of rows, and each
   * leaf's gradient has shape [B, …leaf]: row b is the gradient of example b alone (for tr(F) of Eq. 1 in the paper).
   */
  backward(loss: Tensor, options: { examples?: number; seed?: Tensor } = {}): void {
    if (loss.tape !== this) {
      fail(
        "backward: the loss was not recorded on this tape, or nothing trainable leads to it; compute it inside run() and unfreeze a parameter",
      );
    }
    if (options.seed === undefined && loss.size !== 1) {
      fail(
        `backward: the loss has shape ${
          showShape(loss.shape)
        }; reduce it to one value with sum() or mean(), or pass a seed`,
      );
    }
    const context: BackwardContext = { examples: options.examples ?? null };
    const gradients = new Map<Tensor, Tensor>();
    gradients.set(
      loss,
      keep(options.seed !== undefined ? options.seed.alias() : full(loss.backend, loss.shape, 1)),
    );
    try {
      for (let node = this.#nodes.pop(); node !== undefined; node = this.#nodes.pop()) {
        const dy = gradients.get(node.output);
        gradients.delete(node.output);
        try {
          if (dy !== undefined) this.#propagate(node, dy, gradients, context);
        } finally {
          dy?.dispose();
          for (const each of node.saved) each.dispose();
        }
      }
    } finally {
      for (const each of gradients.values()) each.dispose();
      this.dispose();
    }
  }

  #propagate(node: Node, dy: Tensor, gradients: Map<Tensor, Tensor>, context: BackwardContext): void {
    scope(() => {
      const results = node.backward(dy, node.saved, context);
      for (let i = 0; i < node.inputs.length; i++) {
        const input = node.inputs[i];
        const gradient = results[i];
        if (gradient === undefined || input === undefined) continue;
        if (input.trainable) {
          const wanted = context.examples === null ? input.shape : [context.examples, ...input.shape];
          if (context.examples !== null && !node.perExample) {
            throw new CoreError(
              `backward: ${node.operation} cannot give per-example gradients of ${input.name ?? "a leaf"}; ` +
                `freeze it, or take the examples one at a time`,
            );
          }
          if (sizeOf(wanted) !== gradient.size) {
            fail(
              `backward: ${node.operation} gave a gradient of ${showShape(gradient.shape)} for ${
                input.name ?? "a leaf"
              } ${showShape(wanted)}`,
            );
          }
          input.grad = accumulate(input.grad, gradient, wanted);
        } else if (input.tape === this) {
          gradients.set(input, accumulate(gradients.get(input) ?? null, gradient, input.shape));
        }
      }
    });
  }

  /** Frees what was saved without a backward pass. */
  dispose(): void {
    for (const node of this.#nodes) for (const each of node.saved) each.dispose();
    this.#nodes = [];
  }
}

/** `sum + addend`, in place when nobody else holds the sum's storage. The result belongs to the caller, outside all scopes. */
function accumulate(sum: Tensor | null, addend: Tensor, shape: readonly number[]): Tensor {
  if (sum === null) return keep(addend.alias(shape));
  if (!sameShape(sum.shape, shape)) {
    fail(
      `backward: a gradient of ${showShape(shape)} cannot be added to one of ${
        showShape(sum.shape)
      }; call zeroGrad() first`,
    );
  }
  let target = sum;
  if (sum.storage.references > 1) {
    target = keep(empty(sum.backend, shape));
    sum.backend.kernels.copy({
      x: sum.buffer,
      out: target.buffer,
      length: sum.size,
      xOffset: 0,
      outOffset: 0,
    });
    sum.dispose();
  }
  target.backend.kernels.addTo({ x: addend.buffer, out: target.buffer, length: target.size, scale: 1 });
  return target;
}
