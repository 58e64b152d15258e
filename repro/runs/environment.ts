// Promises what stands around a run and may explain its numbers later: commit, packages, processor. Found once in a process.
// Leaves what the run itself knows (device, data, times) to writer.ts and training/.
import { gitState, processorName } from "../launch/process.ts";
import { exists, join, machine, pathOf, readText, runtimeName } from "../runtime.ts";

export interface Environment {
  runtime: string;
  platform: string;
  /** Class of machine: processor, cores, memory. */
  host: string;
  /** Of this project's own sources; absent where they are no repository. */
  git?: { commit: string; dirty: boolean };
  /** Versions of the packages that this project depends on, as installed. */
  packages: Record<string, string>;
}

const root = pathOf(new URL("../../", import.meta.url));
let found: Promise<Environment> | undefined;

export const environment = (): Promise<Environment> => found ??= find();

async function find(): Promise<Environment> {
  const { platform, arch, cpus, memoryBytes } = machine();
  const git = gitState(root);
  return {
    runtime: runtimeName(),
    platform: `${platform} ${arch}, ${cpus} cores`,
    host: `${processorName()}, ${cpus} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB`,
    ...(git === undefined ? {} : { git }),
    packages: await packageVersions(),
  };
}

async function packageVersions(): Promise<Record<string, string>> {
  const versions: Record<string, string> = {};
  const own = join(root, "package.json");
  if (!await exists(own)) return versions;
  const { dependencies = {} } = JSON.parse(await readText(own)) as { dependencies?: Record<string, string> };
  for (const name of Object.keys(dependencies).sort()) {
    const path = join(root, "node_modules", name, "package.json");
    if (await exists(path)) {
      versions[name] = (JSON.parse(await readText(path)) as { version: string }).version;
    }
  }
  return versions;
}
