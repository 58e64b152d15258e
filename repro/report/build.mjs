// Promises repro/report/assets/page.js: the page's script in plain JavaScript, from page/main.ts, by the esbuild that comes with tsx.
// Run it after any change there: node repro/report/build.mjs. A test compares the file with what this makes.
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The text of the script; no name in it depends on the machine. */
export async function pageScript() {
  const require = createRequire(import.meta.url);
  const esbuild = createRequire(require.resolve("tsx/cli"))("esbuild");
  const { outputFiles } = await esbuild.build({
    entryPoints: [here("./page/main.ts")],
    absWorkingDir: here("./"),
    bundle: true,
    write: false,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    logLevel: "error",
  });
  return outputFiles[0].text;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await writeFile(here("./assets/page.js"), await pageScript());
}
