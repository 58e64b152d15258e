// Promises scores of a model on prepared data, batch by batch, without gradients.
// Leaves scoring to tasks/ and choosing languages to execute.ts.
import { type Model, scope } from "../../core/mod.ts";
import { byLength } from "../tasks/order.ts";
import type { EvaluationResult, Outputs, TaskData } from "../tasks/task-data.ts";
import { modelBatch } from "./data.ts";

/** Tokens of one evaluation batch, at most: enough to keep the kernels busy, little enough for any memory. */
const batchTokens = 4096;

/** Lets what is waiting have its turn: the synchronous backends never wait, and nobody would hear that the process is asked to stop. */
export const listen = (): Promise<void> => new Promise((done) => setImmediate(() => done()));

/** Runs every item through the model in evaluation mode (no dropout). Throws the signal's reason when aborted. */
export async function evaluate(model: Model, data: TaskData, signal: AbortSignal): Promise<EvaluationResult> {
  const evaluation = data.evaluation();
  const rowsEach = data.kind === "choice" ? 2 : 1;
  const order = byLength(data.lengths);
  for (let from = 0; from < order.length;) {
    signal.throwIfAborted();
    // Items are sorted by length: the last one taken decides the width.
    let to = from + 1;
    while (to < order.length && (to + 1 - from) * rowsEach * data.lengths[order[to]] <= batchTokens) to++;
    const batch = data.collate(order.subarray(from, to));
    const logits = scope(() => model.logits(modelBatch(batch, true)));
    const values = await logits.read();
    logits.dispose();
    const half = values.length / 2;
    const outputs: Outputs = data.kind === "span"
      ? { kind: "span", start: values.subarray(0, half), end: values.subarray(half) }
      : { kind: data.kind, logits: values };
    evaluation.add(batch, outputs);
    await listen();
    from = to;
  }
  return evaluation.finish();
}
