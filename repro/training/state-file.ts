// Promises the tensors of a safetensors file at once, all or those of some names, with its metadata.
// Leaves the format to core/io.
import { type ByteReader, openSafetensors, type State } from "../../core/mod.ts";

export async function readStateFile(
  source: Uint8Array | ByteReader,
  label: string,
  isWanted: (name: string) => boolean = () => true,
): Promise<{ state: State; metadata: Readonly<Record<string, string>> }> {
  const file = await openSafetensors(source, label);
  const state: State = new Map();
  for (const name of file.entries.keys()) {
    if (!isWanted(name)) continue;
    // Without the type that it was decoded to: a writer would take it for the file's.
    const { shape, data } = await file.read(name);
    state.set(name, { shape, data });
  }
  return { state, metadata: file.metadata };
}
