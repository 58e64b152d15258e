// Tensors: a shape over a reference-counted device buffer, and scopes that say who frees what.
// Gradients live in autograd.ts; operations in ops/.

import type { Backend, DeviceBuffer, DType, HostArray } from "./backends/backend.ts";
import { fail } from "./errors.ts";
import { checkShape, type Shape, showShape, sizeOf } from "./shape.ts";

/** Where the gradient of a parameter belongs, so that an optimizer finds many of them side by side in one buffer. */
export interface GradientPlace {
  readonly buffer: DeviceBuffer;
  /** In elements. */
  readonly offset: number;
}

/** A device buffer and the number of tensors (views, values saved by a tape) that hold it. */
export class Storage {
  readonly backend: Backend;
  /** The place that the buffer is a view of, for gradients that were made there. */
  readonly place: GradientPlace | null;
  #buffer: DeviceBuffer;
  references = 1;

  constructor(backend: Backend, buffer: DeviceBuffer, place: GradientPlace | null = null) {
    this.backend = backend;
    this.#buffer = buffer;
    this.place = place;
  }

  get buffer(): DeviceBuffer {
    return this.#buffer;
  }

  /** Copies the values to another buffer and lives there from now on, with all tensors that hold it. */
  move(to: DeviceBuffer): void {
    const from = this.#buffer;
    this.backend.kernels.copy({ x: from, out: to, length: to.length, xOffset: 0, outOffset: 0 });
    this.#buffer = to;
    this.backend.free(from);
  }

  release(): void {
    if (--this.references === 0) this.backend.free(this.#buffer);
  }
}

/**
 * A dense row-major array on a backend.
 *
 * Ownership: a tensor made inside `scope()` is freed when the scope ends, unless the scope returns it or `keep()` took it
 * out. A tensor made outside every scope is the caller's to `dispose()`. What a tape saved stays alive until its backward pass.
 */
export class Tensor {
  readonly shape: Shape;
  readonly size: number;
  readonly dtype: DType;
  name?: string;
  /** A leaf that is being trained. Set it to false to freeze: nothing is then computed or kept for it. */
  trainable = false;
  /** Gradient of a trainable leaf after `Tape.backward`; accumulates until `zeroGrad`. */
  grad: Tensor | null = null;
  /** Set by the optimizer that has packed this parameter. */
  gradientPlace: GradientPlace | null = null;
  /** The tape that produced this tensor from something trainable; undefined for constants. Set by autograd. */
  tape?: object;
  #storage: Storage | null;

  constructor(storage: Storage, shape: Shape, dtype: DType) {
    this.#storage = storage;
    this.shape = shape;
    this.size = sizeOf(shape);
    this.dtype = dtype;
    activeScope?.tensors.push(this);
  }

  get storage(): Storage {
    return this.#storage ??
      fail(
        `tensor ${this.name ?? ""}${
          showShape(this.shape)
        } was used after it was freed; keep() it or return it from its scope`,
      );
  }
  get backend(): Backend {
    return this.storage.backend;
  }
  get buffer(): DeviceBuffer {
    return this.storage.buffer;
  }
  get isDisposed(): boolean {
    return this.#storage === null;
  }

  /** Copies the values to the host; waits for the device. */
  read(): Promise<HostArray> {
    const { backend, buffer } = this.storage;
    return backend.read(buffer).then((data) =>
      data.length === this.size ? data : data.slice(0, this.size) as HostArray
    );
  }

  /** The single value of a one-element tensor. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      fail(`item: a tensor of shape ${showShape(this.shape)} has ${this.size} values, not one; use read()`);
    }
    return (await this.read())[0];
  }

  /** Overwrites the values from the host. */
  write(data: HostArray): void {
    if (data.length !== this.size) {
      fail(
        `write ${this.name ?? "tensor"}: ${data.length} values for shape ${
          showShape(this.shape)
        } (${this.size})`,
      );
    }
    this.backend.write(this.buffer, data);
  }

  /** Another tensor on the same storage, optionally of another shape of the same size. Not recorded: see ops/reshape.ts. */
  alias(shape: Shape = this.shape): Tensor {
    const storage = this.storage;
    storage.references++;
    return new Tensor(storage, shape, this.dtype);
  }

  /** Holds another buffer of the same length from now on, and its old one no longer; aliases keep the old. */
  replaceBuffer(buffer: DeviceBuffer): void {
    const old = this.storage;
    this.#storage = new Storage(old.backend, buffer);
    old.release();
  }

  zeroGrad(): void {
    this.grad?.dispose();
    this.grad = null;
  }

  /** Gives up this tensor's hold on its storage. Calling it again does nothing. */
  dispose(): void {
    this.#storage?.release();
    this.#storage = null;
  }
}

/** An uninitialised tensor; for operations that write every element. */
export function empty(backend: Backend, shape: Shape, dtype: DType = "f32"): Tensor {
  return new Tensor(new Storage(backend, backend.allocate(sizeOf(shape), dtype)), shape, dtype);
}

/** A tensor with the given values, row-major. */
export function tensor(
  backend: Backend,
  data: HostArray | readonly number[],
  shape: Shape = [data.length],
  dtype: DType = data instanceof Int32Array ? "i32" : "f32",
): Tensor {
  checkShape(shape, "tensor");
  if (data.length !== sizeOf(shape)) {
    fail(`tensor: ${data.length} values do not fill shape ${showShape(shape)}, which needs ${sizeOf(shape)}`);
  }
  const out = empty(backend, shape, dtype);
  const host = Array.isArray(data)
    ? (dtype === "i32" ? Int32Array.from(data) : Float64Array.from(data))
    : data as HostArray;
  if (out.size > 0) backend.write(out.buffer, host);
  return out;
}

export function full(backend: Backend, shape: Shape, value: number): Tensor {
  const out = empty(backend, shape);
  backend.kernels.fill({ out: out.buffer, length: out.size, value });
  return out;
}

export function zeros(backend: Backend, shape: Shape): Tensor {
  return full(backend, shape, 0);
}

/** A leaf that outlives every scope: a weight. */
export function parameter(
  backend: Backend,
  data: HostArray | readonly number[],
  shape: Shape,
  options: { name?: string; trainable?: boolean } = {},
): Tensor {
  const out = keep(tensor(backend, data, shape, "f32"));
  out.name = options.name;
  out.trainable = options.trainable ?? true;
  return out;
}

interface Scope {
  readonly tensors: Tensor[];
  readonly parent: Scope | null;
}
let activeScope: Scope | null = null;

/**
 * Runs `run` and frees every tensor it made, except those it returns (a tensor, or tensors within arrays, maps and plain
 * objects), which then belong to the enclosing scope. Synchronous: return the tensor and read it outside.
 */
export function scope<T>(run: () => T): T {
  const own: Scope = { tensors: [], parent: activeScope };
  activeScope = own;
  let result: T | undefined;
  try {
    result = run();
    if (result instanceof Promise) {
      fail("scope: the function is asynchronous; return the tensor and await its read() outside");
    }
    return result;
  } finally {
    activeScope = own.parent;
    const returned = new Set<unknown>();
    collect(result, returned);
    for (const each of own.tensors) {
      if (each.isDisposed) continue;
      if (returned.has(each)) own.parent?.tensors.push(each);
      else each.dispose();
    }
  }
}

function collect(value: unknown, into: Set<unknown>): void {
  if (value instanceof Tensor) into.add(value);
  else if (Array.isArray(value)) { for (const each of value) collect(each, into); }
  else if (value instanceof Map) { for (const each of value.values()) collect(each, into); }
  else if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    for (const each of Object.values(value)) collect(each, into);
  }
}

/** Takes a tensor out of every enclosing scope: from now on the caller frees it. */
export function keep(value: Tensor): Tensor {
  for (let each = activeScope; each !== null; each = each.parent) {
    const at = each.tensors.lastIndexOf(value);
    if (at >= 0) {
      each.tensors.splice(at, 1);
      break;
    }
  }
  return value;
}

/**
 * Applies layers one after another, each in its own scope, and frees every result as soon as the next is there (a tape
 * that needs one has saved it). `x` stays the caller's.
 */
export function chain(x: Tensor, layers: readonly ((x: Tensor) => Tensor)[]): Tensor {
  let current = x;
  for (const layer of layers) {
    const input = current;
    current = scope(() => layer(input));
    if (input !== x && input !== current) input.dispose();
  }
  return current;
}
