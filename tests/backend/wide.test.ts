// Code in 256-bit registers gives the bits of 128-bit code, kernel by kernel, on hosts that have it; elsewhere it is refused.
// The gate brings such a host (step "wide"): V8 calls this code experimental, and it has been seen to compute wrongly.

import v8 from "node:v8";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import { cases, type KernelCase } from "./cases/mod.ts";
import { type Outcome, run } from "./run_case.ts";

const test = suite("wide");

const { versions, arch } = process as unknown as { versions: { node: string; deno?: string }; arch: string };
const isWide = versions.deno === undefined && arch === "x64" && Number.parseInt(versions.node) >= 24;

const numbers = (length: number, seed: number): Float32Array => {
  let word = seed;
  return Float32Array.from({ length }, () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return word / 2 ** 31 - 1;
  });
};

/** Large enough for every tile, with rests of every kind: m · n · k of a product, [B, T, A, D] of an attention. */
const products = [[331, 70, 129], [97, 48, 64], [64, 130, 500]];
const attentions = [[2, 70, 4, 16], [1, 129, 2, 64], [3, 33, 3, 20]];

function more(): KernelCase[] {
  const list: KernelCase[] = [];
  for (const [m, n, k] of products) {
    for (const [transposeA, transposeB] of [[false, false], [false, true], [true, false], [true, true]]) {
      for (const accumulate of [false, true]) {
        list.push({
          name: `matmul ${m}x${n}x${k} ${transposeA ? "T" : "N"}${transposeB ? "T" : "N"}${
            accumulate ? " +=" : ""
          }`,
          kernel: "matmul",
          inputs: { a: numbers(m * k, 1), b: numbers(k * n, 2), bias: numbers(n, 3), out: numbers(m * n, 4) },
          outputs: {},
          changes: ["out"],
          run(kernels, { a, b, bias, out }) {
            const shape = { batch: 1, m, n, k, strideA: 0, strideB: 0, transposeA, transposeB, accumulate };
            kernels.matmul({ a, b, out, ...shape, ...(accumulate ? {} : { bias }) });
          },
        });
      }
    }
  }
  for (const [batch, tokens, heads, headSize] of attentions) {
    const size = batch * tokens * heads * headSize;
    for (const dropout of [0, 0.1]) {
      list.push({
        name: `attention ${batch}x${tokens}x${heads}x${headSize}, dropout ${dropout}`,
        kernel: "attentionGrad",
        inputs: { q: numbers(size, 1), k: numbers(size, 2), v: numbers(size, 3), dout: numbers(size, 4) },
        outputs: { out: size, logSumExp: batch * heads * tokens, dq: size, dk: size, dv: size },
        run(kernels, { q, k, v, dout, out, logSumExp, dq, dk, dv }) {
          const random = { k0: 7, k1: 9, c1: 3, c2: 2, c3: 1 };
          const shape = { batch, tokens, heads, headSize, scale: 1 / Math.sqrt(headSize), dropout, random };
          kernels.attention({ q, k, v, out, logSumExp, ...shape });
          kernels.attentionGrad({ q, k, v, out, logSumExp, dout, dq, dk, dv, ...shape });
        },
      });
    }
  }
  return list;
}

if (!isWide) {
  test("a host without 256-bit code refuses it and says what has it", async () => {
    await createWasmBackend({ simd: "wide" }).then(
      () => assert.unreachable("this host has no such code"),
      (error) => assert.match((error as Error).message, /simd "wide" needs Node 24 or later on x86-64/),
    );
  });
} else {
  const all = [...cases, ...more()];
  const wanted = new Map<KernelCase, Outcome>();
  const narrow = await createWasmBackend({ threads: 1 });
  for (const each of all) wanted.set(each, await run(narrow, each));
  // Only V8's optimizing compiler makes such code, and so few calls would never reach it.
  v8.setFlagsFromString("--wasm-tiering-budget=1");
  v8.setFlagsFromString("--wasm-sync-tier-up");
  for (const threads of [1, 2]) {
    const wide = await createWasmBackend({ threads, simd: "wide" });
    test(`${threads} threads: the description says it`, () => {
      assert.match(wide.description, /^wasm relaxed-simd in 256 bits, /);
    });
    for (const each of all) {
      test(`${threads} threads: ${each.name}`, async () => {
        for (const [name, values] of await run(wide, each)) {
          const [got, bits] = [values, wanted.get(each)!.get(name)!].map((array) =>
            new Uint32Array(array.buffer, array.byteOffset, array.length)
          );
          const at = got.findIndex((word, i) => word !== bits[i]);
          if (at >= 0) {
            assert.unreachable(
              `${name}[${at}]: ${values[at]}, in 128 bits ${wanted.get(each)!.get(name)![at]}`,
            );
          }
        }
      });
    }
  }
}

test.run();
