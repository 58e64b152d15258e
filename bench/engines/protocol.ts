// Promises the words that the bench and an engine's process exchange, one JSON object a line.
// Leaves speaking them to serve.ts (and peers/torch_peer.py) and child.ts.
import type { Work } from "../work/work.ts";
import type { Digest } from "./digest.ts";
import type { EngineFacts, MemoryUse } from "./engine.ts";

export type Request =
  /** Prepare, run once for the digests, and keep ready. */
  | { type: "prepare"; work: Work; exchange?: string }
  /** Do the prepared work so many times. */
  | { type: "time"; calls: number }
  | { type: "release" };

export type Reply =
  | ({ type: "ready" } & EngineFacts)
  | { type: "prepared"; digests: Record<string, Digest> }
  | { type: "unsupported" }
  /** Milliseconds of all calls together. */
  | { type: "timed"; ms: number; memory?: MemoryUse }
  | { type: "released" }
  | { type: "failed"; message: string };
