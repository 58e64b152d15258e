// Frozen weights in half precision, on a backend whose packing is the reference's own rounding: which weights are packed, when
// they come back, and that nothing is left behind. The packing of a real device is webgpu-tune.test.ts's.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend, DeviceBuffer } from "../../core/backends/backend.ts";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { roundToHalf } from "../../core/backends/reference/half.ts";
import { encoderConfig } from "../../core/models/config.ts";
import { createModel, type Model } from "../../core/models/model.ts";

const test = suite("frozen");

const config = encoderConfig({
  ...{
    model_type: "bert",
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 20,
  },
  ...{ vocab_size: 30, max_position_embeddings: 12, type_vocab_size: 2, layer_norm_eps: 1e-5 },
});

function rounding(): { backend: Backend; packed: Set<DeviceBuffer> } {
  const backend = createReferenceBackend();
  const packed = new Set<DeviceBuffer>();
  const copy = (x: DeviceBuffer) => {
    const out = backend.allocate(x.length, x.dtype);
    backend.kernels.roundToHalf({ x, out, length: x.length });
    return out;
  };
  backend.pack = (x) => {
    const out = copy(x);
    packed.add(out);
    return out;
  };
  backend.unpack = (x) => {
    packed.delete(x);
    return copy(x);
  };
  return { backend, packed };
}

const make = (backend: Backend): Model =>
  createModel(backend, {
    config,
    task: { kind: "classification", labels: 3 },
    adapters: { task: { kind: "bottleneck", reduction: 4, nonLinearity: "relu" } },
  });

test("the frozen layers' matrices are packed, and nothing else; training them brings them back as they are", async () => {
  const { backend, packed } = rounding();
  const model = make(backend);
  const before = await model.state();
  const live = backend.memory().liveBuffers;
  model.setTrainable({ layers: [0, 1], head: true });
  model.setTrainable({ layers: [1], head: true });
  assert.is(packed.size, 6 * config.layers);
  assert.is(backend.memory().liveBuffers, live);
  for (const [name, { data }] of await model.state()) {
    const isMatrix =
      /encoder\.layer\.\d+\.(attention\.(self\.(query|key|value)|output\.dense)|intermediate\.dense|output\.dense)\.weight$/
        .test(name);
    const wanted = Array.from(before.get(name)!.data, (value) => isMatrix ? roundToHalf(value) : value);
    assert.equal(Array.from(data), wanted, name);
  }
  const rounded = await model.state();
  model.setTrainable({ encoder: true });
  assert.is(packed.size, 0);
  assert.is(backend.memory().liveBuffers, live);
  for (const [name, { data }] of await model.state()) assert.equal(data, rounded.get(name)!.data, name);
  model.dispose();
  assert.is(backend.memory().liveBuffers, 0);
});

test("a backend that does not pack keeps every value", async () => {
  const backend = createReferenceBackend();
  const model = make(backend);
  const before = await model.state();
  model.setTrainable({ layers: [0] });
  for (const [name, { data }] of await model.state()) assert.equal(data, before.get(name)!.data, name);
  model.dispose();
});

test.run();
