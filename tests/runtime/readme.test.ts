// What the README shows works as printed: its TypeScript runs, its commands exist, and `npx repro` is ours, registry or not.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const test = suite("readme");
const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = await readFile(join(root, "README.md"), "utf8");
const isDeno = "deno" in process.versions;

function run(command: string, words: string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(command, words, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", ...env },
  });
  return { status, out: stdout, err: stderr };
}

test("the example of the engine learns what it says", async () => {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readme)!;
  // Inside the project, where its own name resolves to it.
  const folder = await mkdtemp(join(root, ".cache-readme-"));
  try {
    const file = join(folder, "example.ts");
    await writeFile(file, code);
    const { status, out, err } = isDeno
      ? run(process.execPath, ["run", "-A", "--no-check", file])
      : run(process.execPath, ["--import", "tsx", file]);
    assert.is(status, 0, err);
    const losses = [...out.matchAll(/loss (\d+\.\d+)/g)].map(([, loss]) => Number(loss));
    assert.is(losses.length, 4, out);
    assert.ok(losses[3] < 0.05 && losses[3] < losses[0], out);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("npx repro starts this project's command with no registry in reach", () => {
  if (isDeno) return; // npx is Node's.
  const { status, out, err } = run("npx", ["repro", "--version"], {
    npm_config_registry: "http://127.0.0.1:9/",
    npm_config_cache: join(root, ".cache", "no-npm-cache"),
  });
  assert.is(status, 0, err);
  assert.match(out, /^repro \d+\.\d+\.\d+\n$/);
});

test("every command of the README is one that repro knows", () => {
  const command = isDeno
    ? ["run", "-A", "--no-check", join(root, "cli/main.ts")]
    : [join(root, "cli/repro.mjs")];
  const names = new Set([...readme.matchAll(/npx repro ([a-z0-9]+)/g)].map(([, name]) => name));
  assert.ok(names.size >= 5);
  for (const name of names) assert.is(run(process.execPath, [...command, name, "--help"]).status, 0, name);
});

test.run();
