// Promises repro/report/assets/page.js: the page's script in plain JavaScript, from page/main.ts, by the esbuild that comes with tsx.
// Run it after any change there: node repro/report/build.mjs. A test compares the file with what this makes.
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const require = createRequire(import.meta.url);

/** wgpu-matrix makes all its functions for three kinds of arrays; the page has its 4 × 4 matrices and vectors of 3 in one kind. */
const matrices = {
  name: "matrices",
  setup(build) {
    build.onLoad({ filter: /wgpu-matrix\.module\.js$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const end = text.indexOf("function wgpuMatrixAPI(");
      const made = ["mat4", "vec3"].map((
        name,
      ) => [name, new RegExp(`\\b${name}: (getAPI\\S*)\\(`).exec(text)?.[1]]);
      if (end < 0 || made.some(([, maker]) => maker === undefined)) {
        throw new Error(
          `build: ${path} is written otherwise than the wgpu-matrix that this knows; look at its end and change build.mjs`,
        );
      }
      const exports = made.map(([name, maker]) => `export const ${name} = ${maker}(Float32Array);`);
      return { contents: text.slice(0, end) + exports.join("\n"), loader: "js" };
    });
  },
};

/** The text of the script; no name in it depends on the machine. */
export async function pageScript() {
  const esbuild = createRequire(require.resolve("tsx/cli"))("esbuild");
  const licence = await readFile(
    join(dirname(require.resolve("wgpu-matrix")), "../../LICENSE.md"),
    "utf8",
  );
  const { outputFiles } = await esbuild.build({
    entryPoints: [here("./page/main.ts")],
    absWorkingDir: here("./"),
    bundle: true,
    write: false,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    logLevel: "error",
    minify: true,
    plugins: [matrices],
    banner: { js: `/* With mat4 and vec3 of wgpu-matrix:\n${licence.trim()}\n*/` },
  });
  return outputFiles[0].text;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await writeFile(here("./assets/page.js"), await pageScript());
}
