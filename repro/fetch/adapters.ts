// Promises a language adapter's folder beside the zip that AdapterHub serves, whole or not at all. Leaves reading the adapter's
// files to the engine's readers.
import { DataError } from "../data/errors.ts";
import { zipBytes, zipMembers } from "../data/zip.ts";
import { basename, dirname, exists, join, makeFolder, remove, rename, writeAtomic } from "../runtime.ts";

/** The folder that a zip is unpacked to: en.zip → en/. */
export const adapterFolder = (zip: string): string => join(dirname(zip), basename(zip, ".zip"));

/** Unpacks unless that was done. Members may lie in one folder of the zip; names that leave it are refused. */
export async function unpackAdapter(zip: string): Promise<string> {
  const folder = adapterFolder(zip);
  if (await exists(join(folder, "adapter_config.json"))) return folder;
  const names = await zipMembers(zip);
  const config = names.find((name) => basename(name) === "adapter_config.json");
  if (config === undefined) {
    throw new DataError(
      zip,
      "",
      `no adapter_config.json among ${names.slice(0, 8).join(", ")}`,
      "check that it is an AdapterHub zip",
    );
  }
  const inside = config.slice(0, -"adapter_config.json".length);
  const making = `${folder}.unpacking-${crypto.randomUUID().slice(0, 8)}`;
  try {
    await makeFolder(making);
    for (const name of names) {
      const file = name.startsWith(inside) ? name.slice(inside.length) : "";
      // Only plain files of the adapter's own folder.
      if (!/^[\w][\w.-]*$/.test(file)) continue;
      await writeAtomic(join(making, file), await zipBytes(zip, name));
    }
    await remove(folder);
    await rename(making, folder);
  } finally {
    await remove(making);
  }
  return folder;
}
