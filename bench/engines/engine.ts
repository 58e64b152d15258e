// Promises what an engine is to the bench: it prepares a piece of work, does it again and again, and shows what came out.
// Leaves the process it lives in to serve.ts and child.ts, and each engine's API to its own file.
import type { Work } from "../work/work.ts";

/** Results by name, row-major; weights as [in, out]. Every engine gives the same names for the same work. */
export type Outputs = Record<string, ArrayLike<number>>;

/** Memory of the engine's device in bytes, where it counts it: parameters and batch, and the most that ever was in use. */
export interface MemoryUse {
  resident: number;
  peak: number;
}

export interface PreparedWork {
  /** Does the work once; on a device it may still be under way when this returns. */
  run(): void | Promise<void>;
  /** Resolves when everything that `run` started has been done. */
  settle(): Promise<void>;
  /** What one `run` computes, from the inputs as they were prepared. Called before any timing. */
  outputs(): Promise<Outputs>;
  memory?(): MemoryUse;
  dispose(): void | Promise<void>;
}

export interface EngineFacts {
  /** Of the package, e.g. "1.30.0". */
  version: string;
  /** Runtime and device in words, e.g. "node 20.20.0, wasm relaxed-simd, 2 threads". */
  description: string;
}

export interface Engine {
  facts: EngineFacts;
  /**
   * null: this engine's API has no such work. `exchange` names a file without its extension: our engine writes there what
   * others must start from (a model's parameters and batch), they read it.
   */
  prepare(work: Work, exchange?: string): Promise<PreparedWork | null>;
}
