// Promises: one command that says whether the tree may land: format, lint (with the import direction), types, tests on Node
// and on Deno, and 256-bit kernels on a Node that has them; the exit code is 0 only when all of them passed. Leaves the choice of
// test files to run.ts.
//
//   npm test                    everything
//   npm test -- lint types      only the steps named
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
// Through the package's own starter: it unpacks the binary on first use where install scripts did not run.
const deno = [process.execPath, `${root}node_modules/deno/bin.cjs`];
const tsc = [process.execPath, `${root}node_modules/typescript/bin/tsc`];

/** A Node whose V8 makes 256-bit code; npm brings it and nothing else uses it. */
const wideNode = `node-${process.platform === "win32" ? "win" : process.platform}-x64@24.21.0`;

const steps = {
  format: [...deno, "fmt", "--check"],
  lint: [...deno, "lint"],
  types: [...tsc, "--noEmit", "--project", `${root}tsconfig.json`],
  node: [process.execPath, "--import", "tsx", `${root}tests/run.ts`],
  deno: [...deno, "run", "-A", "--no-check", `${root}tests/run.ts`],
  // No other processor has such code.
  ...(process.arch !== "x64" ? {} : {
    wide: ["npx", "--yes", `--package=${wideNode}`, "--"].concat(
      ["node", "--import", "tsx", `${root}tests/run.ts`, "backend/wide"],
    ),
  }),
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in steps));
if (unknown.length > 0) {
  console.error(`gate: unknown step ${unknown.join(", ")}; the steps are ${Object.keys(steps).join(", ")}`);
  process.exit(2);
}

const failed = [];
const times = [];
for (const [name, [command, ...args]] of Object.entries(steps)) {
  if (named.length > 0 && !named.includes(name)) continue;
  console.log(`── ${name}`);
  const started = performance.now();
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (error) console.error(`gate: ${name} could not start: ${error.message}`);
  if (status !== 0) failed.push(name);
  times.push(
    `${name} ${((performance.now() - started) / 1000).toFixed(1)} s${status === 0 ? "" : " FAILED"}`,
  );
}
console.log(`── gate: ${times.join(", ")}`);
if (failed.length > 0) {
  console.error(`gate: ${failed.join(", ")} failed; run a step alone with: npm test -- ${failed[0]}`);
  process.exit(1);
}
