// What was measured on a device is found again for that device, and for no other; a damaged file is passed over.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { command } from "../../cli/commands/tune.ts";
import { describeAdapter } from "../../repro/gpu.ts";
import { saveTuning, storedChoices } from "../../repro/tuning.ts";
import { temporaryFolder } from "../fakes/encoders.ts";
import { testAdapter } from "../fakes/webgpu.ts";

const test = suite("tuning");
const adapter = describeAdapter(await testAdapter());
const choices = { "NT 64×16×16": "shared64x64" };

test("choices come back for the same device, driver and bindings only", async () => {
  const folder = await temporaryFolder();
  await saveTuning(adapter, { products: [], attention: [], choices }, folder);
  assert.equal(await storedChoices(adapter, folder), choices);
  for (const other of [{ device: "another" }, { description: "driver 2" }, { bindings: "webgpu 9" }]) {
    assert.equal(await storedChoices({ ...adapter, ...other }, folder), {});
  }
});

test("a file of another version, or no JSON at all, is passed over", async () => {
  const folder = await temporaryFolder();
  const path = await saveTuning(adapter, { products: [], attention: [], choices }, folder);
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace('"version": 1', '"version": 0'));
  assert.equal(await storedChoices(adapter, folder), {});
  await writeFile(path, text.slice(0, 40));
  assert.equal(await storedChoices(adapter, folder), {});
});

test("repro tune measures the tiny encoder's products and keeps a choice for each", async () => {
  const folder = await temporaryFolder();
  const write = process.stdout.write;
  let out = "";
  process.stdout.write = ((text: string) => Boolean(out += text)) as typeof write;
  try {
    assert.is(await command.run({ encoder: "tiny", rows: "64", out: folder, json: true }, []), 0);
  } finally {
    process.stdout.write = write;
  }
  const tuning = JSON.parse(out) as { choices: Record<string, string>; products: { tried: unknown[] }[] };
  assert.ok(tuning.products.length >= 12, `${tuning.products.length} products`);
  for (const each of tuning.products) assert.ok(each.tried.length > 3);
  assert.equal(await storedChoices(adapter, folder), tuning.choices);
});

test.run();
