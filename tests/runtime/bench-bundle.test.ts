// Promises: the bundle for a GPU machine runs from a folder where nothing else is, as far as a machine without a GPU can show.
// Leaves what is measured to the other tests of the bench.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { readResults } from "../../bench/report/results.ts";
import { scriptCommand } from "../../repro/launch/process.ts";
import { exists, join, list, readText, remove, temporaryFolder } from "../../repro/runtime.ts";
import { swiftshaderEnvironment } from "../fakes/swiftshader.ts";

const test = suite("bench bundle");
const folder = join(temporaryFolder(), `bench-bundle-${crypto.randomUUID()}`);
test.after(() => remove(folder));

test("the bundle holds its parts and validates work on the null device by its own script", async () => {
  const [command, ...words] = scriptCommand(new URL("../../bench/bundle.ts", import.meta.url));
  // The Vulkan loader comes from npm here, so that the test needs no system package.
  const env = { ...process.env, ...await swiftshaderEnvironment() };
  const made = spawnSync(command, [...words, folder, "--no-node", "--no-archive"], { encoding: "utf8", env });
  assert.is(made.status, 0, made.stderr);
  for (const file of ["lib/libvulkan.so.1", "peers/torch_step.py", "check.safetensors", "COMMIT"]) {
    assert.ok(await exists(join(folder, file)), file);
  }
  const work = JSON.parse(await readText(join(folder, "work.json"))) as { name: string; flops: number }[];
  assert.ok(work.find(({ name }) => name === "step/xlmr-base-open-12")!.flops > 1e12);

  const run = spawnSync("/bin/sh", [
    join(folder, "run.sh"),
    "--null",
    "--ops",
    "norm/layer-norm-gelu-1024x64",
  ], {
    encoding: "utf8",
    cwd: "/",
    env: { PATH: process.env.PATH },
  });
  assert.is(run.status, 0, run.stderr);
  const names = await list(join(folder, "results"));
  const results = await readResults(
    join(folder, "results", names.find((name) => name.endsWith("-null.json"))!),
  );
  assert.is(results.commit, (await readText(join(folder, "COMMIT"))).trim());
  assert.is(results.operations[0].results[0].state, "measured");
  assert.match(
    await readText(join(folder, "results", names.find((name) => name.endsWith(".txt"))!)),
    "date: ",
  );
});

test.run();
