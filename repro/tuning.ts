// Promises that what was measured once on a device is used on that device again, and on no other: one small JSON file each.
// Leaves measuring to core/backends/webgpu/tune.ts, and when to measure to `repro tune`.
import type { Tuning } from "../core/backends/webgpu/tune.ts";
import type { AdapterDescription } from "./gpu.ts";
import { env, exists, join, readText, warn, writeAtomic } from "./runtime.ts";

/** Raised when tiles change their meaning: older choices then count no longer. */
const version = 1;

export function tuningFolder(folder?: string): string {
  return folder ?? env("REPRO_TUNING") ?? join(".repro", "tuning");
}

/** All that a timing may depend on: the device, its driver in its own words, Dawn, and the precision. */
function identity(
  { vendor, architecture, device, description, bindings }: AdapterDescription,
  half: boolean,
): string {
  return [vendor, architecture, device, description, bindings, ...half ? ["f16"] : []].join(" | ");
}

async function fileOf(adapter: AdapterDescription, folder: string, half: boolean): Promise<string> {
  const bytes = new TextEncoder().encode(identity(adapter, half));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const name = [...digest.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return join(folder, `${name}.json`);
}

/** Returns the path of the file. */
export async function saveTuning(
  adapter: AdapterDescription,
  { products, attention, choices }: Pick<Tuning, "products" | "attention" | "choices">,
  folder = tuningFolder(),
  half = false,
): Promise<string> {
  const path = await fileOf(adapter, folder, half);
  const content = { version, device: identity(adapter, half), choices, products, attention };
  await writeAtomic(path, JSON.stringify(content, null, 2) + "\n");
  return path;
}

/** What was chosen on this very device, or none. A file that cannot be used is named and passed over, never guessed at. */
export async function storedChoices(
  adapter: AdapterDescription,
  folder = tuningFolder(),
  half = false,
): Promise<Record<string, string>> {
  const path = await fileOf(adapter, folder, half);
  if (!await exists(path)) return {};
  try {
    const content = JSON.parse(await readText(path)) as {
      version?: number;
      device?: string;
      choices?: Record<string, string>;
    };
    if (content.version === version && content.device === identity(adapter, half)) {
      return content.choices ?? {};
    }
    warn(`${path} is of another version or device and is not used; run \`repro tune\` again`);
  } catch (error) {
    warn(`${path} cannot be read (${(error as Error).message}) and is not used; run \`repro tune\` again`);
  }
  return {};
}
