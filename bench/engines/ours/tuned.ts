// Promises a WebGPU backend whose products and attention were chosen by measuring, for the work that it is to do.
// Leaves measuring to core's tuning; which shapes a piece of work has is said here.
import type { Backend } from "../../../core/mod.ts";
import { createWebgpuBackend, type WebgpuOptions } from "../../../core/backends/webgpu/backend.ts";
import { attentionKey } from "../../../core/backends/webgpu/kernels/attention.ts";
import { problemKey } from "../../../core/backends/webgpu/kernels/matmul-choice.ts";
import {
  aligned,
  encoderAttention,
  encoderProducts,
  type TuneProblem,
  tuneWebgpu,
} from "../../../core/backends/webgpu/tune.ts";
import { languageReduction, type LayerShape, taskReduction, type Work } from "../../work/work.ts";

type Problems = Parameters<typeof tuneWebgpu>[1];

function ofLayer({ batch, tokens, hidden, heads, feedForward }: LayerShape): Problems {
  const rows = batch * tokens;
  const bottlenecks = [hidden / taskReduction, hidden / languageReduction];
  return {
    products: encoderProducts({ rows, hiddenSize: hidden, intermediateSize: feedForward, bottlenecks }),
    attention: encoderAttention({ rows, tokens, hiddenSize: hidden, heads }),
  };
}

/** What a piece of work computes that there are several ways to compute. */
export function problemsOf(work: Work): Problems {
  switch (work.kind) {
    case "matmul": {
      const { batch, m, n, k, layout } = work;
      return { products: [{ batch, m, n, k, transposeA: layout === "TN", transposeB: layout === "NT" }] };
    }
    case "attention": {
      const { batch, tokens, heads, headSize } = work;
      return { products: [], attention: [{ batch, tokens, heads, headSize }] };
    }
    case "layer":
    case "step":
    case "trace":
    case "evaluation":
      return ofLayer(work.shape);
    default:
      return { products: [] };
  }
}

/** Opens backends for one piece of work after another; what was measured for one serves the next. */
export class TunedBackends {
  readonly #adapter: () => Promise<GPUAdapter>;
  readonly #precision: Pick<WebgpuOptions, "products" | "frozenWeights">;
  readonly #choices: Record<string, string> = {};
  /** Keys of what was measured, attention too where a device has one way to compute it. */
  readonly #seen = new Set<string>();

  /** @param adapter a new one at each call: a device uses it up */
  constructor(adapter: () => Promise<GPUAdapter>, half: boolean) {
    this.#adapter = adapter;
    this.#precision = half ? { products: "f16", frozenWeights: "f16" } : {};
  }

  async open(work?: Work): Promise<Backend> {
    if (work !== undefined) await this.#measure(problemsOf(work));
    return await createWebgpuBackend({
      ...{ adapter: await this.#adapter(), choices: this.#choices },
      ...this.#precision,
    });
  }

  async #measure({ products, attention = [] }: Problems): Promise<void> {
    const keyOf = (each: TuneProblem) => problemKey(aligned(each));
    const open = {
      products: products.filter((each) => !this.#seen.has(keyOf(each))),
      attention: attention.filter(({ headSize }) => !this.#seen.has(attentionKey(headSize))),
    };
    if (open.products.length + open.attention.length === 0) return;
    const tuning = await tuneWebgpu({ adapter: await this.#adapter(), ...this.#precision }, open);
    Object.assign(this.#choices, tuning.choices);
    for (const each of open.products) this.#seen.add(keyOf(each));
    for (const { headSize } of open.attention) this.#seen.add(attentionKey(headSize));
  }
}
