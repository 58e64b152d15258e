// Promises the floating-point operations, the bytes and the tokens of every piece of work; formulas of layers and steps come from
// repro/plan/flops.ts, which plans count with too. Leaves timing and rates to the measurement.
import {
  attentionFlops,
  bottleneckFlops,
  denseFlops,
  forwardFlops,
  loraFlops,
  product,
  rowsOf,
  stepFlops,
} from "../../repro/plan/flops.ts";
import {
  languageReduction,
  type LayerMode,
  type LayerShape,
  loraRank,
  taskReduction,
  type Work,
} from "./work.ts";

export { forwardFlops, stepFlops };

export function layerFlops(s: LayerShape, mode: LayerMode): number {
  const dense = denseFlops(s), attention = attentionFlops(s);
  switch (mode) {
    case "forward":
      return dense + attention;
    case "all": // forward, input gradients, weight gradients; attention forward and twice that backward
      return 3 * dense + 3 * attention;
    case "lora": // the frozen weights have no gradient of their own
      return 2 * dense + 3 * attention + 3 * loraFlops(s, loraRank);
    case "mad-x":
      return 2 * dense + 3 * attention + 2 * bottleneckFlops(s, languageReduction) +
        3 * bottleneckFlops(s, taskReduction);
  }
}

/** Floating-point operations of one call; null where the work is bound by memory and has none worth counting. */
export function flopsOf(work: Work): number | null {
  switch (work.kind) {
    case "matmul":
      return work.batch * product(work.m, work.n, work.k);
    case "attention": {
      const { batch, tokens, heads, headSize, gradients } = work;
      return (gradients ? 3 : 1) * attentionFlops({ batch, tokens, hidden: heads * headSize });
    }
    case "layer":
      return layerFlops(work.shape, work.mode);
    case "step":
      return stepFlops(work.shape, work.open);
    case "trace": // per example or per batch: the same products, differently grouped
      return stepFlops(work.shape, work.shape.layers);
    case "evaluation":
      return forwardFlops(work.shape);
    case "flat":
    case "layer-norm-gelu":
    case "adamw":
      return null;
  }
}

/** Elements read and written by a kernel alone, as multiples of rows·cols; single rows and columns are left out. */
const passes = {
  "copy": 2,
  "gelu": 2,
  "gelu-grad": 3,
  "tanh": 2,
  "exp": 2,
  "dropout": 2,
  "layer-norm": 3, // with a residual
  "layer-norm-grad": 4, // the same, and dy
  "layer-norm-parameter-grad": 3,
  "softmax": 2,
  "add": 3,
  "add-row": 2,
  "sum-rows": 1,
  "sum-squares": 1,
};

/** Bytes (f32) that must cross memory at least once; null where the work is bound by arithmetic. */
export function bytesOf(work: Work): number | null {
  switch (work.kind) {
    case "flat":
      return 4 * passes[work.kernel] * work.rows * work.cols;
    case "layer-norm-gelu": // read x, write y
      return 4 * 2 * work.rows * work.cols;
    case "adamw": // norm: read g; update: read p, g, m, v and write p, m, v
      return 4 * 8 * work.tensors * work.size;
    default:
      return null;
  }
}

/** Tokens of one call, for the work whose speed people state in tokens per second. */
export function tokensOf(work: Work): number | null {
  return work.kind === "step" || work.kind === "trace" || work.kind === "evaluation"
    ? rowsOf(work.shape)
    : null;
}
