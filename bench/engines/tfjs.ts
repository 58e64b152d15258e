// Promises TensorFlow.js as a peer, on its WASM (one thread: it refuses more on Node) or WebGPU backend.
// Leaves inputs to work/inputs.ts.
import { runtimeName } from "../../repro/runtime.ts";
import { layerAdapters, layerInput, layerSeed, layerWeights, type Named, values } from "../work/inputs.ts";
import { layerNormEpsilon, type LayerShape, type Work } from "../work/work.ts";
import type { Engine, Outputs, PreparedWork } from "./engine.ts";
import { installNavigatorGpu } from "./navigator-gpu.ts";
import type { PeerPackages } from "./packages.ts";

/** Its module and tensors; there are no types without the package. */
type Tf = any;
type TfTensor = any;
type Tensors = Record<string, TfTensor>;

export async function openTfjs(
  packages: PeerPackages,
  { backend }: { backend: "wasm" | "webgpu" },
): Promise<Engine> {
  const device = backend === "webgpu" ? await installNavigatorGpu() : "wasm simd, 1 thread";
  const tf = await packages.load<Tf>("@tensorflow/tfjs");
  const library = await packages.load<Tf>(`@tensorflow/tfjs-backend-${backend}`);
  if (backend === "wasm") {
    library.setWasmPaths(packages.path("@tensorflow", "tfjs-backend-wasm", "wasm-out", "/"));
  }
  if (!await tf.setBackend(backend)) throw new Error(`tfjs cannot open its backend ${backend} here`);
  await tf.ready();
  // Otherwise small tensors would be computed in JavaScript, and the device not measured.
  if (backend === "webgpu") tf.env().set("WEBGPU_CPU_FORWARD", false);
  return {
    facts: { version: packages.version("@tensorflow/tfjs"), description: `${runtimeName()}, ${device}` },
    prepare: (work) => Promise.resolve(new TfWork(tf).prepare(work)),
  };
}

class TfWork {
  readonly #tf: Tf;

  constructor(tf: Tf) {
    this.#tf = tf;
  }

  prepare(work: Work): PreparedWork | null {
    const tf = this.#tf;
    switch (work.kind) {
      case "matmul": {
        const { layout, batch, m, n, k } = work;
        const leading = batch > 1 ? [batch] : [];
        const a = tf.tensor(values(batch * m * k, 1), [...leading, ...(layout[0] === "T" ? [k, m] : [m, k])]);
        const b = tf.tensor(values(batch * k * n, 2), [...leading, ...(layout[1] === "T" ? [n, k] : [k, n])]);
        return this.#call([a, b], () => ({ y: tf.matMul(a, b, layout[0] === "T", layout[1] === "T") }));
      }
      case "layer-norm-gelu": {
        const { rows, cols } = work;
        const x = tf.tensor(values(rows * cols, 3, 2), [rows, cols]);
        const gain = tf.tensor(values(cols, 4, 0.1).map((value) => 1 + value));
        const shift = tf.tensor(values(cols, 5, 0.1));
        return this.#call([x, gain, shift], () => ({ y: this.#gelu(this.#layerNorm(x, gain, shift)) }));
      }
      case "attention": {
        const { batch, heads, tokens, headSize, gradients } = work;
        const [q, k, v, seed] = [6, 7, 8, 9].map((number) =>
          tf.tensor(values(batch * heads * tokens * headSize, number), [batch, heads, tokens, headSize])
        );
        const inputs = [q, k, v, seed];
        if (!gradients) return this.#call(inputs, () => ({ y: this.#attention(q, k, v, headSize) }));
        const derive = tf.grads((q: TfTensor, k: TfTensor, v: TfTensor) =>
          tf.sum(tf.mul(this.#attention(q, k, v, headSize), seed))
        );
        return this.#call(inputs, () => {
          const [dq, dk, dv] = derive([q, k, v]);
          return { dq, dk, dv };
        });
      }
      case "layer":
        return this.#layer(work);
      default:
        return null;
    }
  }

  #layer({ shape, mode }: Extract<Work, { kind: "layer" }>): PreparedWork {
    const tf = this.#tf;
    const dimensions = [shape.batch * shape.tokens, shape.hidden];
    const { frozen, trained } = layerAdapters(shape, mode);
    const weights = this.#tensors({ ...layerWeights(shape), ...frozen });
    const adapters = this.#tensors(trained);
    const x = tf.tensor(layerInput(shape), dimensions), seed = tf.tensor(layerSeed(shape), dimensions);
    const inputs = [x, seed, ...Object.values(weights), ...Object.values(adapters)];
    if (mode === "forward") return this.#call(inputs, () => ({ y: this.#encoderLayer(x, weights, shape) }));
    const leaves: Tensors = { x, ...(mode === "all" ? weights : adapters) };
    const names = Object.keys(leaves);
    const derive = tf.valueAndGrads((...given: TfTensor[]) => {
      const open = Object.fromEntries(names.map((name, i) => [name, given[i]]));
      return tf.sum(tf.mul(this.#encoderLayer(open.x, { ...weights, ...open }, shape), seed));
    });
    return this.#call(inputs, () => {
      const { value, grads } = derive(Object.values(leaves));
      return { loss: value, ...Object.fromEntries(names.map((name, i) => [name, grads[i]])) };
    });
  }

  #encoderLayer(x: TfTensor, w: Tensors, { batch, tokens, hidden, heads }: LayerShape): TfTensor {
    const tf = this.#tf;
    const headSize = hidden / heads;
    const dense = (name: string, input: TfTensor) =>
      tf.add(tf.matMul(input, w[`${name}Weight`]), w[`${name}Bias`]);
    const projected = (name: string) => {
      const low = w[`${name}A`];
      const plain = dense(name, x);
      return low === undefined ? plain : tf.add(plain, tf.matMul(tf.matMul(x, low), w[`${name}B`]));
    };
    const split = (y: TfTensor) =>
      tf.transpose(tf.reshape(y, [batch, tokens, heads, headSize]), [0, 2, 1, 3]);
    const heard = this.#attention(
      split(projected("query")),
      split(dense("key", x)),
      split(projected("value")),
      headSize,
    );
    const merged = tf.reshape(tf.transpose(heard, [0, 2, 1, 3]), [batch * tokens, hidden]);
    const a = this.#layerNorm(tf.add(x, dense("output", merged)), w.gain1, w.shift1);
    const norm = (value: TfTensor) => this.#layerNorm(tf.add(value, a), w.gain2, w.shift2);
    let y = dense("down", this.#gelu(dense("up", a)));
    for (const name of ["language", "task"].filter((each) => `${each}UpWeight` in w)) {
      y = tf.add(dense(`${name}Up`, tf.relu(dense(`${name}Down`, norm(y)))), y);
    }
    return norm(y);
  }

  #attention(q: TfTensor, k: TfTensor, v: TfTensor, headSize: number): TfTensor {
    const tf = this.#tf;
    const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(headSize));
    return tf.matMul(tf.softmax(scores), v);
  }

  #layerNorm(x: TfTensor, gain: TfTensor, shift: TfTensor): TfTensor {
    const tf = this.#tf;
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true);
    return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, layerNormEpsilon))), gain), shift);
  }

  #gelu(x: TfTensor): TfTensor {
    const tf = this.#tf;
    return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  }

  #tensors(named: Record<string, Named>): Tensors {
    return Object.fromEntries(
      Object.entries(named).map(([name, { shape, values }]) => [name, this.#tf.tensor(values, shape)]),
    );
  }

  #call(inputs: readonly TfTensor[], compute: () => Tensors): PreparedWork {
    const tf = this.#tf;
    let results: Tensors = {};
    const run = () => {
      for (const each of Object.values(results)) each.dispose();
      results = tf.tidy(compute);
    };
    /** One element of each result: the device has then done its work, and little is read back. */
    const settle = async () => {
      if (tf.getBackend() !== "webgpu") return;
      for (const each of Object.values(results)) {
        const one = tf.tidy(() => tf.slice(tf.reshape(each, [-1]), [0], [1]));
        await one.data();
        one.dispose();
      }
    };
    return {
      run,
      settle,
      async outputs() {
        run();
        const out: Outputs = {};
        for (const [name, each] of Object.entries(results)) out[name] = await each.data();
        return out;
      },
      dispose() {
        for (const each of [...Object.values(results), ...inputs]) each.dispose();
      },
    };
  }
}
