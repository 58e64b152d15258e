// Promises jax-js as a peer, on WASM or WebGPU: the work as its API writes it, jitted, gradients by its own transformation.
// Leaves inputs to work/inputs.ts. Arrays are consumed by use there: `.ref` keeps one for another use.
import { runtimeName } from "../../repro/runtime.ts";
import { layerAdapters, layerInput, layerSeed, layerWeights, type Named, values } from "../work/inputs.ts";
import { layerNormEpsilon, type LayerShape, type Work } from "../work/work.ts";
import type { Engine, Outputs, PreparedWork } from "./engine.ts";
import { installNavigatorGpu } from "./navigator-gpu.ts";
import type { PeerPackages } from "./packages.ts";

/** Its arrays, functions and modules; there are no types without the package. */
type Jax = any;
type JaxArray = any;
type Arrays = Record<string, JaxArray>;

export async function openJax(
  packages: PeerPackages,
  { backend }: { backend: "wasm" | "webgpu" },
): Promise<Engine> {
  const device = backend === "webgpu" ? await installNavigatorGpu() : "wasm";
  const jax = await packages.load<Jax>("@jax-js/jax");
  await jax.init(backend);
  jax.defaultDevice(backend);
  return {
    facts: { version: packages.version("@jax-js/jax"), description: `${runtimeName()}, ${device}` },
    prepare: (work) => Promise.resolve(new JaxWork(jax).prepare(work)),
  };
}

class JaxWork {
  readonly #jax: Jax;
  readonly #np: Jax;

  constructor(jax: Jax) {
    this.#jax = jax;
    this.#np = jax.numpy;
  }

  prepare(work: Work): PreparedWork | null {
    const np = this.#np;
    switch (work.kind) {
      case "matmul": {
        const { layout, batch, m, n, k } = work;
        const leading = batch > 1 ? [batch] : [];
        const turn = (x: JaxArray, letter: string) => letter === "T" ? np.matrixTranspose(x) : x;
        return this.#call({
          a: this.#array(values(batch * m * k, 1), [...leading, ...(layout[0] === "T" ? [k, m] : [m, k])]),
          b: this.#array(values(batch * k * n, 2), [...leading, ...(layout[1] === "T" ? [n, k] : [k, n])]),
        }, ({ a, b }) => ({ y: np.matmul(turn(a, layout[0]), turn(b, layout[1])) }));
      }
      case "layer-norm-gelu": {
        const { rows, cols } = work;
        return this.#call({
          x: this.#array(values(rows * cols, 3, 2), [rows, cols]),
          gain: this.#array(values(cols, 4, 0.1).map((value) => 1 + value), [cols]),
          shift: this.#array(values(cols, 5, 0.1), [cols]),
        }, ({ x, gain, shift }) => ({ y: this.#gelu(this.#layerNorm(x, gain, shift)) }));
      }
      case "attention": {
        const { batch, heads, tokens, headSize, gradients } = work;
        const shape = [batch, heads, tokens, headSize];
        const [q, k, v, seed] = [6, 7, 8, 9].map((number) =>
          this.#array(values(batch * heads * tokens * headSize, number), shape)
        );
        if (!gradients) {
          return this.#call({ q, k, v }, (inputs) => ({
            y: this.#attention(inputs.q, inputs.k, inputs.v, headSize),
          }));
        }
        const derive = this.#jax.grad(({ q, k, v }: Arrays, seed: JaxArray) =>
          this.#attention(q, k, v, headSize).mul(seed).sum()
        );
        return this.#call({ q, k, v, seed }, ({ q, k, v, seed }) => {
          const { q: dq, k: dk, v: dv } = derive({ q, k, v }, seed);
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
    const dimensions = [shape.batch * shape.tokens, shape.hidden];
    const { frozen, trained } = layerAdapters(shape, mode);
    const weights = { ...layerWeights(shape), ...frozen };
    const x = this.#array(layerInput(shape), dimensions);
    if (mode === "forward") {
      return this.#call({ x, ...this.#arrays(weights) }, ({ x, ...w }) => ({
        y: this.#encoderLayer(x, w, shape),
      }));
    }
    const seed = this.#array(layerSeed(shape), dimensions);
    const leaves = { x, ...this.#arrays(mode === "all" ? weights : trained) };
    const constants = mode === "all" ? {} : this.#arrays(weights);
    const derive = this.#jax.valueAndGrad(({ x, ...open }: Arrays, closed: Arrays, seed: JaxArray) =>
      this.#encoderLayer(x, { ...closed, ...open }, shape).mul(seed).sum()
    );
    const names = Object.keys(leaves);
    return this.#call({ seed, ...leaves, ...constants }, ({ seed, ...all }) => {
      const part = (wanted: boolean) =>
        Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name) === wanted));
      const [loss, gradients] = derive(part(true), part(false), seed);
      return { loss, ...gradients };
    });
  }

  #encoderLayer(x: JaxArray, w: Arrays, { batch, tokens, hidden, heads }: LayerShape): JaxArray {
    const np = this.#np;
    const headSize = hidden / heads;
    const dense = (name: string, input: JaxArray) =>
      np.matmul(input, w[`${name}Weight`]).add(w[`${name}Bias`]);
    const projected = (name: string) => {
      const plain = dense(name, x.ref);
      const low = w[`${name}A`];
      return low === undefined ? plain : plain.add(np.matmul(np.matmul(x.ref, low), w[`${name}B`]));
    };
    const split = (y: JaxArray) => np.transpose(y.reshape([batch, tokens, heads, headSize]), [0, 2, 1, 3]);
    const heard = this.#attention(
      split(projected("query")),
      split(dense("key", x.ref)),
      split(projected("value")),
      headSize,
    );
    const merged = np.transpose(heard, [0, 2, 1, 3]).reshape([batch * tokens, hidden]);
    const a = this.#layerNorm(x.add(dense("output", merged)), w.gain1, w.shift1);
    let y = dense("down", this.#gelu(dense("up", a.ref)));
    for (const name of ["language", "task"].filter((each) => `${each}UpWeight` in w)) {
      const normed = this.#layerNorm(y.ref.add(a.ref), w.gain2.ref, w.shift2.ref);
      const inner = this.#jax.nn.relu(dense(`${name}Down`, normed));
      y = dense(`${name}Up`, inner).add(y);
    }
    return this.#layerNorm(y.add(a), w.gain2, w.shift2);
  }

  #attention(q: JaxArray, k: JaxArray, v: JaxArray, headSize: number): JaxArray {
    const np = this.#np;
    const scores = np.matmul(q, np.matrixTranspose(k)).mul(1 / Math.sqrt(headSize));
    return np.matmul(this.#jax.nn.softmax(scores, -1), v);
  }

  #layerNorm(x: JaxArray, gain: JaxArray, shift: JaxArray): JaxArray {
    const np = this.#np;
    const centred = x.sub(np.mean(x.ref, -1, { keepdims: true }));
    const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
    return centred.div(np.sqrt(variance.add(layerNormEpsilon))).mul(gain).add(shift);
  }

  #gelu(x: JaxArray): JaxArray {
    return x.ref.mul(0.5).mul(this.#jax.scipySpecial.erf(x.mul(Math.SQRT1_2)).add(1));
  }

  #array(data: Float32Array, shape: readonly number[]): JaxArray {
    return this.#np.array(data, { shape });
  }

  #arrays(named: Record<string, Named>): Arrays {
    return Object.fromEntries(
      Object.entries(named).map(([name, { shape, values }]) => [name, this.#array(values, shape)]),
    );
  }

  #call(inputs: Arrays, compute: (inputs: Arrays) => Arrays): PreparedWork {
    const jitted = this.#jax.jit(compute);
    let results: Arrays = {};
    const run = async () => {
      const made: Arrays = jitted(
        Object.fromEntries(Object.entries(inputs).map(([name, each]) => [name, each.ref])),
      );
      await this.#jax.blockUntilReady(made);
      for (const each of Object.values(results)) each.dispose();
      results = made;
    };
    return {
      run,
      settle: () => Promise.resolve(),
      async outputs() {
        await run();
        const out: Outputs = {};
        for (const [name, each] of Object.entries(results)) out[name] = await each.ref.data();
        return out;
      },
      dispose() {
        for (const each of [...Object.values(results), ...Object.values(inputs)]) each.dispose();
      },
    };
  }
}
