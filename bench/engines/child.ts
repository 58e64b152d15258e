// Promises an engine in a process of its own as a few asynchronous calls; an engine that dies or hangs fails one call, not the bench.
// Leaves which process that is to catalogue.ts.
import { type LineChild, startLineChild } from "../../repro/launch/process.ts";
import type { Work } from "../work/work.ts";
import type { Digest } from "./digest.ts";
import type { EngineFacts, MemoryUse } from "./engine.ts";
import type { Reply, Request } from "./protocol.ts";

/** What the measurement needs of an engine; a test's fake is another one. */
export interface EngineHandle {
  readonly id: string;
  /** null: its API has no such work. */
  prepare(work: Work, exchange?: string): Promise<Record<string, Digest> | null>;
  time(calls: number): Promise<{ ms: number; memory?: MemoryUse }>;
  release(): Promise<void>;
}

/** Longest wait for one answer: compiling and the first run of a slow engine included. */
const patience = 240_000;

export class EngineChild implements EngineHandle {
  readonly id: string;
  readonly #child: LineChild;
  #waiting: { done: (reply: Reply) => void; fail: (error: Error) => void } | null = null;
  #early: Reply[] = [];
  #gone: string | null = null;

  private constructor(id: string, command: string[], env: Record<string, string>) {
    this.id = id;
    this.#child = startLineChild(command, { env, onLine: (line) => this.#hear(line) });
    void this.#child.gone.then((how) => {
      this.#gone = `its process ended (${how})`;
      this.#waiting?.fail(new Error(this.#gone));
    });
  }

  /** Starts the process and waits until it has its engine open. @throws with the engine's own words when it cannot */
  static async start(
    id: string,
    command: string[],
    env: Record<string, string> = {},
  ): Promise<{ engine: EngineChild; facts: EngineFacts }> {
    const engine = new EngineChild(id, command, env);
    try {
      const { version, description } = await engine.#next("ready");
      return { engine, facts: { version, description } };
    } catch (error) {
      engine.kill();
      throw error;
    }
  }

  async prepare(work: Work, exchange?: string): Promise<Record<string, Digest> | null> {
    const reply = await this.#ask({ type: "prepare", work, exchange }, "prepared", "unsupported");
    return reply.type === "prepared" ? reply.digests : null;
  }

  async time(calls: number): Promise<{ ms: number; memory?: MemoryUse }> {
    const { ms, memory } = await this.#ask({ type: "time", calls }, "timed");
    return { ms, memory };
  }

  async release(): Promise<void> {
    await this.#ask({ type: "release" }, "released");
  }

  /** Asks it to end, and waits; an engine that does not is killed. */
  async close(): Promise<void> {
    this.#child.close();
    const timer = setTimeout(() => this.#child.kill(), 5000);
    await this.#child.gone;
    clearTimeout(timer);
  }

  kill(): void {
    this.#child.kill();
  }

  #ask<T extends Reply["type"]>(request: Request, ...wanted: T[]): Promise<Extract<Reply, { type: T }>> {
    if (this.#gone !== null) return Promise.reject(new Error(this.#gone));
    this.#child.send(JSON.stringify(request));
    return this.#next(...wanted);
  }

  async #next<T extends Reply["type"]>(...wanted: T[]): Promise<Extract<Reply, { type: T }>> {
    const reply = this.#early.shift() ?? await new Promise<Reply>((done, fail) => {
      if (this.#gone !== null) return fail(new Error(this.#gone));
      const timer = setTimeout(() => {
        this.#child.kill();
        fail(new Error(`no answer within ${patience / 1000} s; its process was ended`));
      }, patience);
      const settle = <V>(then: (value: V) => void) => (value: V) => {
        clearTimeout(timer);
        this.#waiting = null;
        then(value);
      };
      this.#waiting = { done: settle(done), fail: settle(fail) };
    });
    if (reply.type === "failed") throw new Error(reply.message);
    if (!(wanted as string[]).includes(reply.type)) {
      throw new Error(`it answered ${reply.type}, wanted ${wanted.join(" or ")}`);
    }
    return reply as Extract<Reply, { type: T }>;
  }

  #hear(line: string): void {
    let reply: Reply;
    try {
      reply = JSON.parse(line) as Reply;
    } catch {
      // A library's own words.
      return;
    }
    if (this.#waiting !== null) this.#waiting.done(reply);
    else this.#early.push(reply);
  }
}
