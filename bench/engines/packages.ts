// Promises the peers' packages from whatever folder they were installed into, and their versions.
// Leaves which engines they make to catalogue.ts.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

/** How they come to be there; shown where one is missing. */
export const installCommand = "npm install --prefix bench/peers --ignore-scripts";

export class PeerPackages {
  readonly folder: string;
  readonly #require: NodeJS.Require;

  /** @param folder holds node_modules, or is one */
  constructor(folder: string) {
    const whole = resolve(folder);
    this.folder = whole.endsWith("node_modules") ? whole : join(whole, "node_modules");
    this.#require = createRequire(join(this.folder, "package.json"));
  }

  has(name: string): boolean {
    return existsSync(join(this.folder, name, "package.json"));
  }

  version(name: string): string {
    const file = join(this.folder, name, "package.json");
    return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Packages of one folder see each other: tfjs and its backends share one registry. */
  load<T>(name: string): Promise<T> {
    return Promise.resolve(this.#require(name) as T);
  }
}
