// Promises tr(F) of a model's task adapters on training batches, in the fidelity that the specification asks for.
// Leaves the estimate to core/fisher and what is done with it to trainer.ts.
//
// paper: labels sampled from the model's own distribution, ‖gradient‖² per example, at most 40 batches (Eq. 1).
// authors-code: the most likely label, gradient of the batch squared and divided by its size; 41 batches for a selection.
import {
  averageTrace,
  averageTraceAsCoded,
  fisherTrace,
  type HostBatch,
  type Model,
  permutation,
  pieces,
  streamKey,
  traceByLayer,
  type TraceResult,
} from "../../core/mod.ts";
import { type RunSpec, sideOf } from "../spec/mod.ts";
import type { Batch, Labels } from "../tasks/batch.ts";
import type { Items } from "../tasks/task-data.ts";
import { ignoresPadding, modelBatch } from "./data.ts";
import type { Mutant } from "./mutants.ts";

interface TraceContext {
  model: Model;
  data: Items;
  spec: RunSpec;
  mutant?: Mutant;
  /** Examples on the device at a time. */
  microBatch?: number;
  /** Factor of the loss, with half precision. */
  lossScale?: number;
  /** The update before which it is computed; keys the draws. */
  step: number;
}

/** For FUN's selection: one value a layer, with the task adapters of all layers switched on. Leaves them on. */
export async function tracesByLayer(context: TraceContext): Promise<number[]> {
  const { model, spec } = context;
  const all = model.taskGroups.map((group) => group.layer);
  // The published loop stops after index 40: one batch more than the paper says.
  const batches = spec.hyperparameters.fisherBatches +
    (sideOf(spec, "fisher-batches") === "authors-code" ? 1 : 0);
  return traceByLayer((await estimate(context, all, batches)).results);
}

/** For the tr(F) log: the average over the open task adapters; 0 while none is open. Leaves only those on. */
export async function trackedTrace(context: TraceContext & { open: readonly number[] }): Promise<number> {
  if (context.open.length === 0) return 0;
  const { results, batches } = await estimate(
    context,
    context.open,
    context.spec.hyperparameters.fisherBatches,
  );
  return sideOf(context.spec, "fisher-aggregation") === "authors-code"
    ? averageTraceAsCoded(results, batches)
    : averageTrace(results);
}

/** A batch, or a piece of one, with the true labels of the whole. */
interface Drawn {
  host: HostBatch;
  labels: Int32Array;
}

async function estimate(
  context: TraceContext,
  layers: readonly number[],
  most: number,
): Promise<{ results: TraceResult[]; batches: number }> {
  const { model, data, spec, mutant, step, microBatch, lossScale } = context;
  const asCoded = (item: "fisher-label" | "fisher-gradient") => sideOf(spec, item) === "authors-code";
  const batches = drawBatches(data, spec, step, most);
  model.setTrainable({ layers, head: true });
  // The head must train for a gradient to be taken in LPFT's first phase, but only task adapters count.
  const results = await fisherTrace<Drawn>({
    batches: batches.map((batch) => ({
      host: model.prepare(modelBatch(batch, ignoresPadding(spec)), false),
      labels: rowLabels(batch.labels),
    })),
    examples: ({ host }) => host.examples,
    pieces: ({ host, labels }) =>
      pieces(host, microBatch ?? host.examples).map(({ batch }) => ({ host: batch, labels })),
    logits: ({ host }) => {
      const perExample = !asCoded("fisher-gradient");
      return model.logits(model.upload(host, perExample), { perExample });
    },
    groups: model.taskGroups.filter((group) => layers.includes(group.layer)),
    label: mutant === "labels-from-data" ? "data" : asCoded("fisher-label") ? "mode" : "sampled",
    random: (i) => streamKey(spec.seed, "fisher-labels", step, i),
    labels: ({ labels }) => labels,
    ...(lossScale === undefined ? {} : { lossScale }),
    gradient: asCoded("fisher-gradient") ? "batch" : "per-example",
  }, () => model.zeroGrad());
  return { results, batches: batches.length };
}

/** Batches of a fresh permutation of the training items, keyed by seed and step. */
function drawBatches(data: Items, spec: RunSpec, step: number, most: number): Batch[] {
  const { batchSize } = spec.hyperparameters;
  const order = permutation(streamKey(spec.seed, "fisher-data", step), data.size);
  const count = Math.min(most, Math.ceil(data.size / batchSize));
  return Array.from(
    { length: count },
    (_, i) => data.collate(order.slice(i * batchSize, (i + 1) * batchSize)),
  );
}

/** True labels as rows of one distribution each: all starts, then all ends. */
function rowLabels(labels: Labels): Int32Array {
  return labels.kind === "span" ? Int32Array.of(...labels.start, ...labels.end) : labels.labels;
}
