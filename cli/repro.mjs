#!/usr/bin/env node
// Promises: `repro` starts from the TypeScript sources on any Node from 20 on, with no build step.
// Leaves every command to main.ts.
const [major] = process.versions.node.split(".").map(Number);
if (major < 20) {
  console.error(
    `repro: Node ${process.versions.node} is too old; Node 20 or later is needed (or: npx deno task repro)`,
  );
  process.exit(2);
}
if (!process.features.typescript) {
  const { register } = await import("tsx/esm/api");
  register();
}
const { main } = await import("./main.ts");
process.exit(await main(process.argv.slice(2)));
