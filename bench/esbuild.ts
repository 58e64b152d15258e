// Promises esbuild, which comes with tsx, as far as this project uses it: many modules become one file.
// Leaves what is bundled, and for whom, to its callers.
import { createRequire } from "node:module";

export interface Esbuild {
  build(options: Record<string, unknown>): Promise<{ outputFiles?: { text: string }[] }>;
}

export function loadEsbuild(): Esbuild {
  const require = createRequire(import.meta.url);
  return createRequire(require.resolve("tsx/cli"))("esbuild") as Esbuild;
}
