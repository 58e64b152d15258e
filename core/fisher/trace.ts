// tr(F), the trace of the Fisher information, of groups of parameters (task adapters, one group a layer).
// It knows no model and no data: callers give batches, a forward pass to logits, and the groups; selection is unfreezing/'s.

import { Tape } from "../autograd.ts";
import type { RandomStream } from "../backends/kernels.ts";
import { fail } from "../errors.ts";
import { mul } from "../ops/binary.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { sum } from "../ops/reduce.ts";
import { philoxWord } from "../random.ts";
import { full, scope, type Tensor, tensor } from "../tensor.ts";

export interface TraceGroup {
  layer: number;
  parameters: readonly Tensor[];
}

export interface TraceOptions<Batch> {
  /** Evaluated one after another; bound them before (the paper: at most 40). */
  batches: Iterable<Batch>;
  /** Number of examples in a batch, |b|, or in one of its pieces. */
  examples(batch: Batch): number;
  /** Consecutive parts of a batch that are on the device one after another; default the batch itself. The estimate is the same. */
  pieces?(batch: Batch): readonly Batch[];
  /** Logits [rows, classes], one distribution a row; rows are a multiple of the examples. Evaluation mode: no dropout. */
  logits(batch: Batch): Tensor;
  groups: readonly TraceGroup[];
  /**
   * ŷ: "sampled" from softmax(logits) (Eq. 1), the "mode" of it (the authors' code), or "data": true labels given by
   * `labels`, which makes the empirical Fisher, not F (Kunstner et al., 2019); there to show the difference.
   */
  label: "sampled" | "mode" | "data";
  /** For label "sampled": the stream of the draws of batch number i; row r takes word r. */
  random?(i: number): RandomStream;
  /** For label "data": one class for each row. */
  labels?(batch: Batch): Int32Array;
  /**
   * "per-example": mean over examples of ‖∇ log p(ŷ|x)‖², an example's log p being the sum over its rows (Eq. 1).
   * "batch": Σ over batches of ‖∇ of the row-mean NLL‖² / |b| (Algorithm 2 and the authors' code).
   */
  gradient: "per-example" | "batch";
  /** Factor that the loss has during the backward pass, so that half precision does not lose small gradients; default 1. */
  lossScale?: number;
}

/** For each group the squared norm of each of its parameters' gradients, accumulated as `gradient` says. */
export interface TraceResult {
  layer: number;
  /** In the group's order. */
  squares: number[];
  /** Elements of each parameter. */
  sizes: number[];
}

/**
 * Computes tr(F) of every group. Parameters of all groups must be trainable; their gradients must be clear, and are again
 * afterwards, as are those of whatever else is trainable.
 * @param clear frees the gradients of everything trainable (the head's too)
 */
export async function fisherTrace<Batch>(
  options: TraceOptions<Batch>,
  clear: () => void,
): Promise<TraceResult[]> {
  const results: TraceResult[] = options.groups.map(({ layer, parameters }) => ({
    layer,
    squares: parameters.map(() => 0),
    sizes: parameters.map((each) => each.size),
  }));
  let total = 0, index = 0;
  const { lossScale = 1 } = options;
  /** Adds what the gradients that are there now amount to. */
  const addSquares = async (share: number) => {
    const squares = await squaredNorms(options.groups.flatMap(gradientsOf));
    let at = 0;
    for (const result of results) {
      for (let p = 0; p < result.squares.length; p++) {
        result.squares[p] += squares[at++] * share / lossScale ** 2;
      }
    }
    clear();
  };
  for (const batch of options.batches) {
    const examples = options.examples(batch);
    let from = 0;
    for (const piece of options.pieces?.(batch) ?? [batch]) {
      const count = options.examples(piece);
      const tape = new Tape();
      const logits = tape.run(() => scope(() => options.logits(piece)));
      try {
        const place = { index, from, count, examples };
        const targets = await labelsOf(options, batch, logits, place);
        backward(tape, logits, targets, options.gradient === "per-example", place, lossScale);
      } finally {
        tape.dispose();
        logits.dispose();
      }
      if (options.gradient === "per-example") await addSquares(1);
      from += count;
    }
    if (options.gradient === "batch") await addSquares(1 / examples);
    total += examples;
    index++;
  }
  if (index === 0) fail("tr(F): there were no batches; give at least one");
  if (options.gradient === "per-example") {
    for (const result of results) result.squares = result.squares.map((square) => square / total);
  }
  return results;
}

/** Which examples of which batch: `count` from `from` on of all its `examples`. */
interface Place {
  index: number;
  from: number;
  count: number;
  examples: number;
}

/** Labels for the rows of a piece: those that the whole batch's rows have. */
async function labelsOf<Batch>(
  options: TraceOptions<Batch>,
  batch: Batch,
  logits: Tensor,
  { index, from, count, examples }: Place,
): Promise<Int32Array> {
  const [rows, classes] = logits.shape;
  // Rows come in blocks of one for each example: spans have all starts, then all ends.
  const rowOfBatch = (row: number) => Math.floor(row / count) * examples + from + row % count;
  if (options.label === "data") {
    const given = options.labels?.(batch) ?? fail("tr(F): label data needs `labels`");
    const wanted = rows / count * examples;
    if (given.length !== wanted) fail(`tr(F): ${given.length} labels for ${wanted} rows of logits`);
    return Int32Array.from({ length: rows }, (_, row) => given[rowOfBatch(row)]);
  }
  const values = await logits.read();
  const random = options.label === "sampled"
    ? options.random?.(index) ?? fail("tr(F): sampled labels need `random`")
    : null;
  return Int32Array.from({ length: rows }, (_, row) => {
    const from = row * classes;
    return random === null
      ? argmax(values, from, classes)
      : sample(values, from, classes, philoxWord(rowOfBatch(row), random) / 4294967296);
  });
}

function argmax(values: ArrayLike<number>, from: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[from + i] > values[from + best]) best = i;
  return best;
}

/** The class in whose share of the cumulative softmax `u` in [0, 1) falls. */
function sample(values: ArrayLike<number>, from: number, count: number, u: number): number {
  const top = values[from + argmax(values, from, count)];
  let total = 0;
  for (let i = 0; i < count; i++) total += Math.exp(values[from + i] - top);
  let left = u * total;
  for (let i = 0; i < count; i++) {
    left -= Math.exp(values[from + i] - top);
    if (left < 0) return i;
  }
  return count - 1;
}

/** Backward of the NLL: summed over rows per example, or averaged over all rows of the batch. */
function backward(
  tape: Tape,
  logits: Tensor,
  targets: Int32Array,
  perExample: boolean,
  { count, examples }: Place,
  lossScale: number,
): void {
  scope(() => {
    const loss = tape.run(() => {
      const rows = crossEntropy(logits, tensor(logits.backend, targets));
      const share = perExample ? 1 : count / examples / targets.length;
      return sum(mul(rows, full(logits.backend, [1], share * lossScale)));
    });
    tape.backward(loss, perExample ? { examples: count } : {});
  });
}

function gradientsOf({ layer, parameters }: TraceGroup): Tensor[] {
  return parameters.map((each) =>
    each.grad ??
      fail(`tr(F): ${each.name ?? "a parameter"} of layer ${layer} has no gradient; unfreeze it before`)
  );
}

/** Σ x² of each gradient, gathered on the device: one wait for a batch, not one for each parameter. */
async function squaredNorms(gradients: readonly Tensor[]): Promise<ArrayLike<number>> {
  if (gradients.length === 0) return [];
  const { backend } = gradients[0];
  const gathered = full(backend, [gradients.length], 0);
  const one = full(backend, [1], 0);
  gradients.forEach((each, i) => {
    backend.kernels.sumSquares({
      x: each.buffer,
      out: one.buffer,
      rows: 1,
      cols: each.size,
      accumulate: false,
    });
    backend.kernels.copy({ x: one.buffer, out: gathered.buffer, length: 1, xOffset: 0, outOffset: i });
  });
  const values = await gathered.read();
  one.dispose();
  gathered.dispose();
  return values;
}

const total = (values: readonly number[]) => values.reduce((all, each) => all + each, 0);

/** What FUN compares: the sum over a layer's task-adapter parameters. Index = position of the group. */
export function traceByLayer(results: readonly TraceResult[]): number[] {
  return results.map(({ squares }) => total(squares));
}

/** The paper's tracked value: by task-adapter block, then the mean over blocks. */
export function averageTrace(results: readonly TraceResult[]): number {
  return total(traceByLayer(results)) / results.length;
}

/** The authors' tracked value: mean over each parameter's elements, divided by the number of batches, summed by block, mean over blocks. */
export function averageTraceAsCoded(results: readonly TraceResult[], batches: number): number {
  const blocks = results.map(({ squares, sizes }) =>
    total(squares.map((square, i) => square / sizes[i])) / batches
  );
  return total(blocks) / blocks.length;
}
