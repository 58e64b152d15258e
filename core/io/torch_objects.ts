// What PyTorch pickles when it saves tensors: the only globals that are let in, and the tensors they rebuild, as descriptions of
// parts of storages. It leaves where a storage's bytes are to torch.ts.

import { CoreError } from "../errors.ts";
import { Callable } from "./pickle.ts";

/** A block of elements of one type in the file; several tensors may be views of it. */
export interface TorchStorage {
  readonly key: string;
  /** As safetensors names it. null: bytes without a type. */
  readonly dtype: string | null;
  /** Elements. */
  readonly length: number;
  /** Elements before it in the block of its key: old files cut storages out of others. */
  readonly start: number;
}

/** A view of a storage, all in elements. */
export class TorchTensor {
  readonly storage: TorchStorage;
  readonly dtype: string;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(
    storage: TorchStorage,
    dtype: string,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** torch.float32 and its like. */
export class TorchType {
  readonly dtype: string;

  constructor(dtype: string) {
    this.dtype = dtype;
  }
}

/** torch.FloatStorage and its like. */
export class StorageType {
  readonly dtype: string | null;

  constructor(dtype: string | null) {
    this.dtype = dtype;
  }
}

const storageTypes: Readonly<Record<string, string | null>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
  UntypedStorage: null,
};

const dtypes: Readonly<Record<string, string>> = {
  float64: "F64",
  double: "F64",
  float32: "F32",
  float: "F32",
  float16: "F16",
  half: "F16",
  bfloat16: "BF16",
  int64: "I64",
  long: "I64",
  int32: "I32",
  int: "I32",
  int16: "I16",
  short: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
  uint16: "U16",
  uint32: "U32",
  uint64: "U64",
  float8_e4m3fn: "F8_E4M3",
  float8_e5m2: "F8_E5M2",
};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);

function tensorOf(
  storage: unknown,
  offset: unknown,
  shape: unknown,
  strides: unknown,
  type?: unknown,
): TorchTensor {
  const { key, dtype, length } = (storage ?? {}) as Partial<TorchStorage>;
  if (key === undefined || length === undefined) throw new CoreError("its first argument is no storage");
  if (!isCount(offset) || !isCounts(shape) || !isCounts(strides) || shape.length !== strides.length) {
    throw new CoreError("offset, shape or strides are not the non-negative integers they must be");
  }
  const elements = type instanceof TorchType ? type.dtype : dtype;
  if (typeof elements !== "string") throw new CoreError("the storage has no element type");
  return new TorchTensor(storage as TorchStorage, elements, offset, shape, strides);
}

function needTensor(value: unknown): TorchTensor {
  if (!(value instanceof TorchTensor)) throw new CoreError("its argument is no tensor");
  return value;
}

function dictOf(args: readonly unknown[]): Map<unknown, unknown> {
  const [items = []] = args;
  if (items instanceof Map) return new Map(items);
  if (!Array.isArray(items) || !items.every((each) => Array.isArray(each) && each.length === 2)) {
    throw new CoreError("its argument is no list of pairs");
  }
  return new Map(items as [unknown, unknown][]);
}

function setOf([items = []]: readonly unknown[]): Set<unknown> {
  if (!Array.isArray(items)) throw new CoreError("its argument is no list");
  return new Set(items);
}

/** Protocol 2 spells bytes as a text encoded in latin1. */
function encode([text, codec]: readonly unknown[]): Uint8Array {
  if (typeof text !== "string" || codec !== "latin1") throw new CoreError("wanted a text and latin1");
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

const calls: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  "torch._utils._rebuild_tensor": ([storage, offset, shape, strides]) =>
    tensorOf(storage, offset, shape, strides),
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides]) =>
    tensorOf(storage, offset, shape, strides),
  "torch._utils._rebuild_tensor_v3": ([storage, offset, shape, strides, , , type]) =>
    tensorOf(storage, offset, shape, strides, type),
  "torch._utils._rebuild_parameter": ([tensor]) => needTensor(tensor),
  "torch._utils._rebuild_parameter_with_state": ([tensor]) => needTensor(tensor),
  "torch.nn.parameter.Parameter": ([tensor]) => needTensor(tensor),
  // A tensor that carries attributes: the function that rebuilds it, its class, its arguments.
  "torch._tensor._rebuild_from_type_v2": ([rebuild, , args]) => {
    if (!(rebuild instanceof Callable) || !Array.isArray(args)) {
      throw new CoreError("its arguments are damaged");
    }
    return needTensor(rebuild.call(args));
  },
  "torch.Size": ([items = []]) => {
    if (!isCounts(items)) throw new CoreError("its argument is no list of sizes");
    return items;
  },
  "torch.device": ([name]) => {
    if (typeof name !== "string") throw new CoreError("its argument is no text");
    return name;
  },
  "collections.OrderedDict": dictOf,
  "builtins.dict": dictOf,
  "__builtin__.dict": dictOf,
  "builtins.set": setOf,
  "__builtin__.set": setOf,
  "builtins.frozenset": setOf,
  "__builtin__.frozenset": setOf,
  "builtins.bytearray": ([value]) => {
    if (value !== undefined && !(value instanceof Uint8Array)) {
      throw new CoreError("its argument is no bytes");
    }
    return value ?? new Uint8Array(0);
  },
  "_codecs.encode": encode,
};

const callables = new Map(Object.entries(calls).map(([name, call]) => [name, new Callable(name, call)]));

/** Names a class only in the arguments of _rebuild_from_type_v2, which ignores it. */
const tensorClass = new Callable("torch.Tensor", () => {
  throw new CoreError("a tensor without a storage");
});

/** The closed set of globals. */
export function torchGlobal(module: string, name: string): unknown {
  const callable = callables.get(`${module}.${name}`);
  if (callable !== undefined) return callable;
  if (module === "torch" && name === "Tensor") return tensorClass;
  const isStorageModule = module === "torch" || module === "torch.storage" || module === "torch.cuda";
  if (isStorageModule && Object.hasOwn(storageTypes, name)) return new StorageType(storageTypes[name]);
  if (module === "torch" && Object.hasOwn(dtypes, name)) return new TorchType(dtypes[name]);
  return undefined;
}

/** The storage that a persistent id names: ("storage", type, key, location, length) and, in old files, a view of it. */
export function torchStorage(id: unknown): TorchStorage {
  const [kind, type, key, , length, view] = Array.isArray(id) ? id : [];
  if (kind !== "storage" || !(type instanceof StorageType) || !isCount(length)) {
    throw new CoreError("a persistent id that names no storage");
  }
  if (typeof key !== "string" && typeof key !== "number") throw new CoreError("a storage without a key");
  const [, start, size] = Array.isArray(view) ? view : [null, 0, length];
  if (!isCount(start) || !isCount(size) || start + size > length) {
    throw new CoreError(`a view of ${size} elements from ${start} on of a storage of ${length}`);
  }
  return { key: String(key), dtype: type.dtype, length: size, start };
}
