// Reads what torch.save wrote, tensor by tensor: zip archives (PyTorch 1.6 and later) and the older sequence of pickles. Nothing is
// executed: pickle.ts refuses every global that torch_objects.ts does not name. It leaves finding files to its callers.

import { CoreError } from "../errors.ts";
import { type ByteReader, fromMemory, readExactly } from "./bytes.ts";
import { decodeElements, elementTypes } from "./elements.ts";
import { type PickleOptions, PickleTooShort, readPickle } from "./pickle.ts";
import { type StoredTensor, type StoredTensors, streamDense, type TakePart } from "./stored.ts";
import { torchGlobal, torchStorage, TorchTensor } from "./torch_objects.ts";
import { isZip, openZip } from "./zip.ts";

/** The pickle of a checkpoint holds names and shapes: a few hundred kilobytes. */
const largestPickle = 2 ** 28;
const firstRead = 2 ** 20;
/** Elements of a tensor that repeats its storage (strides of 0); a file of a few bytes must not ask for all memory. */
const largestRepetition = 2 ** 24;

/** Where a storage's elements begin, in the whole file or in a member of it. */
interface Place {
  readonly reader: ByteReader;
  readonly start: number;
  readonly bytes: number;
}

/**
 * The tensors of a checkpoint: a dict of tensors, or one under "state_dict" or "model". What else the dict holds is left out.
 * @param label names the file in errors
 */
export async function openTorch(
  source: Uint8Array | ByteReader,
  label = "torch data",
): Promise<StoredTensors> {
  const reader = source instanceof Uint8Array ? fromMemory(source) : source;
  const first = await reader.read(0, Math.min(4, reader.size));
  if (first.length < 4) {
    throw new CoreError(`${label}: ${reader.size} bytes; this is no PyTorch file, fetch it again`);
  }
  return isZip(first) ? await openArchive(reader, label) : await openLegacy(reader, label);
}

/** @param widths is told the bytes of an element of each storage that the pickle names */
const optionsFor = (label: string, widths = new Map<string, number>()): PickleOptions => ({
  label,
  global: torchGlobal,
  persistent(id) {
    const storage = torchStorage(id);
    widths.set(storage.key, storage.dtype === null ? 1 : elementTypes[storage.dtype].width);
    return storage;
  },
  // Attributes of a tensor mean nothing to its values.
  build: (object) => object instanceof TorchTensor ? object : undefined,
});

async function openArchive(reader: ByteReader, label: string): Promise<StoredTensors> {
  const zip = await openZip(reader, label);
  const pickles = [...zip.entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) {
    throw new CoreError(
      `${label}: a zip archive with ${pickles.length} members named data.pkl; a PyTorch file has one, is this another kind of archive?`,
    );
  }
  const folder = pickles[0].slice(0, -"data.pkl".length);
  if (zip.entries.has(`${folder}constants.pkl`)) {
    throw new CoreError(
      `${label}: a TorchScript archive, which holds code; save the state dict with torch.save`,
    );
  }
  if (zip.entries.has(`${folder}byteorder`)) {
    const order = new TextDecoder().decode(await zip.read(`${folder}byteorder`));
    if (order !== "little") {
      throw new CoreError(`${label}: its byte order is ${order}; save it again on a little-endian machine`);
    }
  }
  if (zip.entries.get(pickles[0])!.size > largestPickle) throw tooLong(label);
  const { value } = readPickle(await zip.read(pickles[0]), optionsFor(label));
  const places = new Map<string, Place>();
  for (const { storage } of tensorsIn(value, label).values()) {
    if (places.has(storage.key)) continue;
    const member = await zip.open(`${folder}data/${storage.key}`);
    places.set(storage.key, { reader: member, start: 0, bytes: member.size });
  }
  return stored(tensorsIn(value, label), places, label);
}

const tooLong = (label: string) =>
  new CoreError(
    `${label}: its pickle is longer than ${largestPickle} bytes; this is no checkpoint of tensors`,
  );

/** Magic number of the format before PyTorch 1.6, as the decimal that Python prints. */
const legacyMagic = 119547037146038801333356n;

async function openLegacy(reader: ByteReader, label: string): Promise<StoredTensors> {
  const widths = new Map<string, number>();
  const { values: [magic, protocol, system, value, keys], end } = await readPickles(reader, label, 5, widths);
  if (magic !== legacyMagic) {
    throw new CoreError(
      `${label}: neither a zip archive nor a file of torch.save; this is no PyTorch checkpoint, or an error page in its place`,
    );
  }
  if (protocol !== 1001) {
    throw new CoreError(`${label}: PyTorch's file protocol ${String(protocol)}; known is 1001`);
  }
  if (!(system instanceof Map) || system.get("little_endian") !== true) {
    throw new CoreError(`${label}: it was not written by a little-endian machine; save it again on one`);
  }
  if (!Array.isArray(keys)) throw new CoreError(`${label}: it has no list of storages; the file is damaged`);
  const tensors = tensorsIn(value, label);
  // Storages follow in the order of the keys, each with its number of elements before it.
  const places = new Map<string, Place>();
  let at = end;
  for (const key of keys.map(String)) {
    const view = new DataView(
      (await readExactly(reader, label, `length of storage ${key}`, at, 8)).slice().buffer,
    );
    const count = Number(view.getBigUint64(0, true));
    const width = widths.get(key);
    if (width === undefined) {
      throw new CoreError(
        `${label}: storage ${key} belongs to no tensor of the dict, so its size is not known`,
      );
    }
    const bytes = count * width;
    if (!(at + 8 + bytes <= reader.size)) {
      throw new CoreError(
        `${label}: storage ${key} ends at byte ${
          at + 8 + bytes
        }, but the file has ${reader.size}; it is truncated, fetch it again`,
      );
    }
    places.set(key, { reader, start: at + 8, bytes });
    at += 8 + bytes;
  }
  return stored(tensors, places, label);
}

/** So many pickles from the beginning of the file on, reading no more of it than they take, about. */
async function readPickles(reader: ByteReader, label: string, count: number, widths: Map<string, number>) {
  for (let length = Math.min(firstRead, reader.size);; length = Math.min(2 * length, reader.size)) {
    const bytes = await readExactly(reader, label, "pickles", 0, length);
    try {
      const values: unknown[] = [];
      let end = 0;
      for (let i = 0; i < count; i++) {
        const read = readPickle(bytes, optionsFor(label, widths), end);
        values.push(read.value);
        end = read.end;
        // Anything may begin like a pickle; nothing else begins with this number.
        if (i === 0 && read.value !== legacyMagic) break;
      }
      return { values, end };
    } catch (error) {
      if (!(error instanceof PickleTooShort) || length === reader.size) throw error;
      if (length > largestPickle) throw tooLong(label);
    }
  }
}

/** The tensors of the dict, by name. */
function tensorsIn(value: unknown, label: string): Map<string, TorchTensor> {
  let dict = value;
  for (const wrapper of ["state_dict", "model"]) {
    if (dict instanceof Map && dict.get(wrapper) instanceof Map) dict = dict.get(wrapper);
  }
  const out = new Map<string, TorchTensor>();
  if (dict instanceof Map) {
    for (const [name, tensor] of dict) {
      if (typeof name === "string" && tensor instanceof TorchTensor) out.set(name, tensor);
    }
  }
  if (out.size === 0 && !(dict instanceof Map && dict.size === 0)) {
    throw new CoreError(`${label}: it holds no dict of tensors; save model.state_dict() with torch.save`);
  }
  return out;
}

function stored(
  tensors: ReadonlyMap<string, TorchTensor>,
  places: ReadonlyMap<string, Place>,
  label: string,
): StoredTensors {
  const out = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    const { shape, dtype } = tensor;
    const place = placeOf(tensor, places, `${label}: tensor "${name}"`);
    const count = shape.reduce((product, axis) => product * axis, 1);
    const what = `tensor "${name}"`;
    const start = place.start + (tensor.storage.start + tensor.offset) * elementTypes[dtype].width;
    out.set(name, {
      shape,
      dtype,
      stream: (take) =>
        isDense(tensor)
          ? streamDense(place.reader, label, what, dtype, start, count, take)
          : streamStrided(place.reader, label, what, tensor, start, count, take),
    });
  }
  return out;
}

/** Elements from the first to the last that a tensor of any strides touches. */
function extentOf({ shape, strides }: TorchTensor): number {
  if (shape.includes(0)) return 0;
  return 1 + shape.reduce((sum, axis, i) => sum + (axis - 1) * strides[i], 0);
}

function placeOf(tensor: TorchTensor, places: ReadonlyMap<string, Place>, what: string): Place {
  const { storage, dtype, offset, shape } = tensor;
  const refuse = (text: string): never => {
    throw new CoreError(`${what}: ${text}; the file is damaged, fetch it again`);
  };
  if (storage.dtype !== null && storage.dtype !== dtype) {
    refuse(`${dtype} over a storage of ${storage.dtype}`);
  }
  const place = places.get(storage.key) ?? refuse(`its storage ${storage.key} is absent`);
  const { width } = elementTypes[dtype];
  const elements = storage.dtype === null ? storage.length / width : storage.length;
  const extent = extentOf(tensor), count = shape.reduce((product, axis) => product * axis, 1);
  if (!Number.isSafeInteger(extent) || !Number.isSafeInteger(count) || offset + extent > elements) {
    refuse(
      `shape [${shape}] with strides [${tensor.strides}] from element ${offset} on does not fit a storage of ${elements}`,
    );
  }
  if ((storage.start + offset + extent) * width > place.bytes) {
    refuse(`its storage ${storage.key} has ${place.bytes} bytes, too few for shape [${shape}] of ${dtype}`);
  }
  if (count > extent && count > largestRepetition) {
    refuse(`shape [${shape}] repeats ${extent} values ${count} times`);
  }
  return place;
}

/** Whether the elements lie one after another in row-major order. */
function isDense({ shape, strides }: TorchTensor): boolean {
  let dense = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== dense) return false;
    dense *= shape[axis];
  }
  return true;
}

/** A view with other strides (a transpose, a slice): its whole extent is read at once and put in order. */
async function streamStrided(
  reader: ByteReader,
  label: string,
  what: string,
  tensor: TorchTensor,
  start: number,
  count: number,
  take: TakePart,
): Promise<void> {
  const { shape, strides, dtype } = tensor;
  if (count === 0) return;
  const bytes = await readExactly(reader, label, what, start, extentOf(tensor) * elementTypes[dtype].width);
  const from = decodeElements(dtype, bytes, `${label}: ${what}`);
  const out = from instanceof Float32Array ? new Float32Array(count) : new Int32Array(count);
  const last = shape.length - 1, index = new Array<number>(shape.length).fill(0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    out[i] = from[at];
    for (let axis = last; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  await take(out, 0);
}
