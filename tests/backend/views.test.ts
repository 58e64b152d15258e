// Views on every backend: kernels, reads and writes stay inside them, and the memory lives as long as the last holder.
// It leaves what optimizers keep in views to unit/optim.test.ts.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { openBackends } from "./backends.ts";

const test = suite("views");
const { backends } = await openBackends();

for (const { label, backend } of [...backends, { label: "reference", backend: createReferenceBackend() }]) {
  test(`${label}: what is written through a view stays inside it`, async () => {
    const whole = backend.allocate(192, "f32");
    backend.write(whole, new Float32Array(192).fill(7));
    const [first, second] = [backend.view(whole, 0, 5), backend.view(whole, 64, 37)];
    backend.kernels.fill({ out: first, length: 5, value: 1 });
    backend.write(second, Float32Array.from({ length: 37 }, (_, i) => i));
    const inner = backend.view(backend.view(whole, 64, 128), 64, 3);
    backend.write(inner, Float32Array.of(-1, -2), 1);
    const x = backend.allocate(37, "f32");
    backend.kernels.affine({ x: second, out: x, length: 37, scale: 2, shift: 0 });
    assert.equal([...await backend.read(x)], Array.from({ length: 37 }, (_, i) => 2 * i));
    // The two gradients of a LayerNorm: one kernel that writes to two views of one buffer.
    const rows = ["x", "dy", "mean", "rstd"].map((name) => {
      const made = backend.allocate(name === "x" || name === "dy" ? 10 : 2, "f32");
      backend.kernels.fill({ out: made, length: made.length, value: name === "mean" ? 0 : 1 });
      return made;
    });
    const [dgamma, dbeta] = [backend.view(whole, 0, 5), backend.view(whole, 64, 5)];
    backend.kernels.layerNormParameterGrad({
      ...{ x: rows[0], dy: rows[1], mean: rows[2], rstd: rows[3], dgamma, dbeta, rows: 2, cols: 5 },
    });
    const values = [...await backend.read(whole)];
    const wanted = new Array(192).fill(7);
    for (let i = 0; i < 37; i++) wanted[64 + i] = i;
    for (const start of [0, 64]) wanted.fill(2, start, start + 5);
    wanted.splice(129, 2, -1, -2);
    assert.equal(values, wanted);
    assert.equal([...await backend.read(inner)], [7, -1, -2]);
  });

  test(`${label}: the memory goes back with the last of a buffer and its views, and is then used anew`, () => {
    const before = backend.memory();
    const whole = backend.allocate(4096, "f32");
    const view = backend.view(whole, 64, 64);
    const bytes = backend.memory().liveBytes;
    assert.is(backend.memory().liveBuffers, before.liveBuffers + 2);
    backend.free(whole);
    assert.is(backend.memory().liveBytes, bytes);
    backend.free(view);
    assert.is(backend.memory().liveBytes, before.liveBytes);
    assert.is(backend.memory().liveBuffers, before.liveBuffers);
    assert.throws(() => backend.free(view), /freed/);
    assert.throws(() => backend.view(whole, 0, 4), /freed/);
    const again = backend.allocate(4096, "f32");
    backend.free(again);
    if (backend.name !== "reference") {
      assert.is(backend.memory().freshAllocations, before.freshAllocations + 1);
    }
  });

  test(`${label}: views that start between alignments or reach too far are refused`, () => {
    const whole = backend.allocate(100, "f32");
    assert.throws(() => backend.view(whole, 32, 4), /start at a multiple of 64/);
    assert.throws(() => backend.view(whole, 64, 37), /37 elements from element 64 of a buffer of 100/);
    backend.free(whole);
  });
}

test.after(() => {
  for (const { backend } of backends) backend.dispose();
});

test.run();
