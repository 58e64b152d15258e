// Finds out which SIMD twin the host runs, compiles it and instantiates it on a shared memory.
// It leaves buffers to pool.ts and threads to threads.ts.

import { plainBinary, relaxedBinary } from "./binary.generated.ts";

/** "wide": relaxed, and V8 joins pairs of 128-bit operations into 256-bit ones where it can: the same bits, sooner. */
export type SimdChoice = "auto" | "relaxed" | "plain" | "wide";

/** Names and signatures come from kernels/main.ts; every argument and result is a number. */
export type KernelExports = Record<string, (...values: number[]) => number>;

/** A compiled twin. */
export interface LoadedModule {
  readonly twin: "relaxed" | "plain";
  readonly isWide: boolean;
  readonly module: WebAssembly.Module;
  /** Rows of the largest tile of a matrix product; see kernels/micro.ts. The results do not depend on it. */
  readonly tileRows: 4 | 6;
  /** Columns of the largest tile: 16 where pairs of vectors become one. The results do not depend on it. */
  readonly tileColumns: 8 | 16;
  /** Whether the module works on a memory that threads can share. */
  readonly isShared: boolean;
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** A module of one function: three zero vectors, f32x4.relaxed_madd, drop. */
const RELAXED_PROBE = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 20, 1, 18, 0],
  ...[65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 26, 11],
]);

interface NodeLike {
  getBuiltinModule?: (name: string) => { setFlagsFromString?: (flags: string) => void } | undefined;
  versions?: { node?: string; deno?: string };
  arch?: string;
}

const node = (): NodeLike | undefined => {
  const host = (globalThis as { process?: NodeLike }).process;
  return host?.versions?.node === undefined || host.versions.deno !== undefined ? undefined : host;
};

/** Sets a flag of V8 on Node; other hosts take none from a program. */
function setFlag(flag: string): boolean {
  const set = node()?.getBuiltinModule?.("node:v8")?.setFlagsFromString;
  set?.(flag);
  return set !== undefined;
}

/** Whether the host compiles relaxed SIMD; on Node 20 it is behind a V8 flag that may be set before the first compile. */
export function hasRelaxedSimd(): boolean {
  if (WebAssembly.validate(RELAXED_PROBE)) return true;
  return setFlag("--experimental-wasm-relaxed-simd") && WebAssembly.validate(RELAXED_PROBE);
}

/**
 * Asks V8 for 256-bit code, where its experimental pass knows relaxed multiply-adds (Node 24 on x86-64: 91 to 103 GFLOP/s a core
 * where 128 bits give 51 to 57). For the process as a whole: what V8 optimizes from now on, in any module. It has been seen to
 * compute wrongly (pairs of v128.load16x4_u, Node 24) and to end the process (parameters of type v128, Node 26):
 * tests/backend/wide.test.ts goes through all kernels.
 */
function widen(): void {
  const host = node();
  if (host === undefined || host.arch !== "x64" || Number.parseInt(host.versions!.node!) < 24) {
    throw new Error(
      'wasm: simd "wide" needs Node 24 or later on x86-64, whose V8 joins 128-bit operations; choose "auto"',
    );
  }
  setFlag("--experimental-wasm-revectorize");
}

/** Deno starts V8 without its trap handler, so that the address of each load is checked; the smaller tile loads less. */
const checksEachLoad = "Deno" in globalThis;

/** The same module importing an unshared memory: the limits behind the import's name lose their flag. */
function unshared(binary: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const name = [..."memory"].map((each) => each.charCodeAt(0));
  const memoryKind = 2, sharedWithMaximum = 3, withMaximum = 1;
  const pattern = [...name, memoryKind, sharedWithMaximum];
  const at = binary.findIndex((_, i) => pattern.every((byte, j) => binary[i + j] === byte));
  if (at < 0) throw new Error("wasm: the binary imports no shared memory; rebuild it with build.mjs");
  const copy = binary.slice();
  copy[at + pattern.length - 1] = withMaximum;
  return copy;
}

/** Some pages have no SharedArrayBuffer, and with it no shared memory. */
function hasSharedMemory(): boolean {
  return typeof SharedArrayBuffer !== "undefined";
}

const modules = new Map<string, Promise<WebAssembly.Module>>();

/** A custom section, empty but for its name: V8 has one code for equal bytes, and the wide module must not get that of the other. */
function marked(binary: Uint8Array<ArrayBuffer>, name: string): Uint8Array<ArrayBuffer> {
  const text = [...name].map((each) => each.charCodeAt(0));
  return Uint8Array.from([...binary, 0, text.length + 1, text.length, ...text]);
}

/** Compiled once for a process: the host optimizes code while it runs, and a later backend finds it optimized. */
function compiled(relaxed: boolean, isShared: boolean, isWide: boolean): Promise<WebAssembly.Module> {
  const key = `${relaxed} ${isShared} ${isWide}`;
  let module = modules.get(key);
  if (module === undefined) {
    const binary = decode(relaxed ? relaxedBinary : plainBinary);
    const linked = isShared ? binary : unshared(binary);
    module = WebAssembly.compile(isWide ? marked(linked, "wide") : linked);
    modules.set(key, module);
  }
  return module;
}

export async function loadModule(simd: SimdChoice, isShared = hasSharedMemory()): Promise<LoadedModule> {
  const relaxed = simd !== "plain" && hasRelaxedSimd();
  if ((simd === "relaxed" || simd === "wide") && !relaxed) {
    throw new Error(
      'wasm: this host does not compile relaxed SIMD; choose simd "auto" or "plain", or start Node with --experimental-wasm-relaxed-simd',
    );
  }
  if (simd === "wide") widen();
  return {
    twin: relaxed ? "relaxed" : "plain",
    isWide: simd === "wide",
    module: await compiled(relaxed, isShared, simd === "wide"),
    tileRows: checksEachLoad ? 4 : 6,
    tileColumns: simd === "wide" ? 16 : 8,
    isShared,
  };
}

const PAGES = 65536;

/** A memory with room to grow to `maximumBytes`, or to less where the host refuses so much address space. */
export function createMemory(
  maximumBytes: number,
  initialBytes: number,
  isShared: boolean,
): { memory: WebAssembly.Memory; maximumBytes: number } {
  const initial = Math.ceil(initialBytes / PAGES);
  let maximum = Math.min(Math.max(Math.ceil(maximumBytes / PAGES), initial), PAGES);
  for (;;) {
    try {
      const memory = new WebAssembly.Memory({ initial, maximum, shared: isShared });
      return { memory, maximumBytes: maximum * PAGES };
    } catch (error) {
      maximum = maximum >> 1;
      if (maximum < initial || maximum < 64) throw error;
    }
  }
}
