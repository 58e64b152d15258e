// Reads Python pickles (protocols 0 to 5) with a closed set of globals: what the caller's table does not name is refused by name,
// and nothing is ever imported or executed. It leaves what a global means to the table, such as torch_objects.ts.
// Source of the opcodes: the documentation of CPython's pickletools.

import { CoreError } from "../errors.ts";

/** A class or function that a pickle may call; it gets the arguments and checks them itself. */
export class Callable {
  readonly name: string;
  readonly call: (args: readonly unknown[]) => unknown;

  constructor(name: string, call: (args: readonly unknown[]) => unknown) {
    this.name = name;
    this.call = call;
  }
}

export interface PickleOptions {
  /** Names the file in errors. */
  label: string;
  /** Value of the global `module.name` (a Callable or a constant); undefined refuses it. */
  global(module: string, name: string): unknown;
  /** What a persistent id stands for; without it there are none. */
  persistent?(id: unknown): unknown;
  /** A state that the pickle gives to an object. Default: it is refused. */
  build?(object: unknown, state: unknown): unknown;
}

/** The pickle goes on beyond the bytes that were given. */
export class PickleTooShort extends CoreError {}

const mark = Symbol("mark");
const ascii = (letter: string) => letter.charCodeAt(0);

/**
 * Reads one pickle. Python's dict (also ordered) gives a Map, list and tuple an array, set a Set, None null, bytes a Uint8Array,
 * int a number, or a bigint beyond 2⁵³.
 * @returns the value and the position after the pickle
 * @throws CoreError naming what is refused or damaged and at which byte
 */
export function readPickle(
  bytes: Uint8Array,
  options: PickleOptions,
  start = 0,
): { value: unknown; end: number } {
  return new Machine(bytes, options, start).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: PickleOptions;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #at: number;
  /** Position of the opcode in hand. */
  #opcodeAt: number;

  constructor(bytes: Uint8Array, options: PickleOptions, start: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#options = options;
    this.#at = this.#opcodeAt = start;
  }

  run(): { value: unknown; end: number } {
    for (;;) {
      this.#opcodeAt = this.#at;
      const opcode = this.#byte();
      if (opcode === ascii(".")) return { value: this.#pop(), end: this.#at };
      const act = actions[opcode];
      if (act === undefined) this.fail(`opcode 0x${opcode.toString(16)} is not one that data needs`);
      act(this);
    }
  }

  fail(what: string): never {
    throw new CoreError(
      `${this.#options.label}: pickle: ${what} (byte ${this.#opcodeAt}); ` +
        `the file is damaged or no checkpoint of tensors: fetch it again, or convert it to safetensors where you trust it`,
    );
  }

  /** Reads `length` bytes. */
  take(length: number): Uint8Array {
    if (!(length <= this.#bytes.length - this.#at)) {
      throw new PickleTooShort(
        `${this.#options.label}: pickle: the file ends within it, at byte ${this.#bytes.length}; it is truncated, fetch it again`,
      );
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #byte(): number {
    return this.take(1)[0];
  }

  /** An unsigned little-endian number of so many bytes. */
  unsigned(width: 1 | 2 | 4 | 8): number {
    const at = this.#at;
    this.take(width);
    if (width === 1) return this.#bytes[at];
    if (width === 2) return this.#view.getUint16(at, true);
    if (width === 4) return this.#view.getUint32(at, true);
    const value = this.#view.getBigUint64(at, true);
    if (value > Number.MAX_SAFE_INTEGER) this.fail(`a length of ${value}`);
    return Number(value);
  }

  signed32(): number {
    this.take(4);
    return this.#view.getInt32(this.#at - 4, true);
  }

  float64(): number {
    this.take(8);
    return this.#view.getFloat64(this.#at - 8, false);
  }

  /** Two's complement, little-endian, of any length. */
  long(length: number): number | bigint {
    const bytes = this.take(length);
    if (length > 1024) this.fail(`an integer of ${length} bytes`);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = value << 8n | BigInt(bytes[i]);
    if (length > 0 && bytes[length - 1] >= 128) value -= 1n << BigInt(8 * length);
    return integer(value);
  }

  /** UTF-8; Python 2's strings were bytes, but names are ASCII. */
  text(length: number): string {
    return this.#decoded(this.take(length));
  }

  #decoded(bytes: Uint8Array): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.fail("a text that is not UTF-8");
    }
  }

  /** Text up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    const length = end < 0 ? this.#bytes.length - this.#at + 1 : end - this.#at;
    const text = this.#decoded(this.take(length));
    this.take(1);
    return text;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  #pop(): unknown {
    const value = this.pop();
    if (value === mark) this.fail("an open mark is left on the stack");
    return value;
  }

  pop(): unknown {
    if (this.#stack.length === 0) this.fail("the stack is empty");
    return this.#stack.pop();
  }

  top(): unknown {
    if (this.#stack.length === 0) this.fail("the stack is empty");
    return this.#stack[this.#stack.length - 1];
  }

  /** Takes what was pushed since the last mark. */
  sinceMark(): unknown[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) this.fail("there is no mark on the stack");
    const values = this.#stack.splice(at);
    values.shift();
    return values;
  }

  put(key: number): void {
    this.#memo.set(key, this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(key: number): void {
    if (!this.#memo.has(key)) this.fail(`memo ${key} was never set`);
    this.push(this.#memo.get(key));
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== "string" || typeof name !== "string") this.fail("a global whose name is no text");
    const value = this.#options.global(module, name);
    if (value === undefined) {
      throw new CoreError(
        `${this.#options.label}: pickle: it asks for the global "${module}.${name}" at byte ${this.#opcodeAt}, which is neither a tensor ` +
          `nor plain data, and is refused: loading it could run code; convert the file to safetensors where you trust it`,
      );
    }
    this.push(value);
  }

  call(args: unknown, callee: unknown): void {
    if (!(callee instanceof Callable)) this.fail("something is called that is no class");
    if (!Array.isArray(args)) this.fail(`${callee.name} is called with something other than a tuple`);
    try {
      this.push(callee.call(args));
    } catch (error) {
      if (error instanceof CoreError) this.fail(`${callee.name}: ${error.message}`);
      throw error;
    }
  }

  persistent(id: unknown): void {
    if (!this.#options.persistent) this.fail("a persistent id, which means nothing here");
    try {
      this.push(this.#options.persistent(id));
    } catch (error) {
      if (error instanceof CoreError) this.fail(error.message);
      throw error;
    }
  }

  /** Gives a state to the object on top. */
  build(): void {
    const state = this.pop(), object = this.#pop();
    // A dict's own attributes (torch keeps a state dict's versions there) are not its entries.
    const built = object instanceof Map ? object : this.#options.build?.(object, state);
    if (built === undefined) this.fail("a state for an object that takes none");
    this.push(built);
  }

  append(values: readonly unknown[]): void {
    const target = this.top();
    if (target instanceof Set) { for (const each of values) target.add(each); }
    else if (Array.isArray(target)) { for (const each of values) target.push(each); }
    else this.fail("an element for something that is no list");
  }

  setItems(items: readonly unknown[]): void {
    const target = this.top();
    if (!(target instanceof Map) || items.length % 2 !== 0) {
      this.fail("an entry for something that is no dict");
    }
    for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1]);
  }

  map(items: readonly unknown[]): void {
    this.push(new Map());
    this.setItems(items);
  }

  lastTuple(length: number): void {
    const values: unknown[] = [];
    for (let i = 0; i < length; i++) values.unshift(this.#pop());
    this.push(values);
  }

  discard(): void {
    this.pop();
  }
}

function integer(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Protocol 0's integers and floats in decimal. */
function decimal(m: Machine): void {
  const text = m.line();
  if (text === "00" || text === "01") return m.push(text === "01");
  if (!/^-?\d{1,400}L?$/.test(text)) m.fail(`an integer written as ${JSON.stringify(text.slice(0, 20))}`);
  m.push(integer(BigInt(text.replace("L", ""))));
}

function decimalFloat(m: Machine): void {
  const text = m.line();
  const value = text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text);
  if (text.trim() === "" || (Number.isNaN(value) && text !== "nan")) {
    m.fail("a float that is not written as one");
  }
  m.push(value);
}

/** Protocol 0's strings: as Python prints them. Names of tensors need no more than these escapes. */
function quoted(m: Machine): void {
  const text = m.line();
  const inner = /^'(.*)'$|^"(.*)"$/.exec(text);
  if (!inner) m.fail("a text without quotes");
  m.push(
    (inner[1] ?? inner[2]).replace(
      /\\(x[0-9a-fA-F]{2}|.)/g,
      (_, code: string) =>
        code.length === 3
          ? String.fromCharCode(parseInt(code.slice(1), 16))
          : { n: "\n", t: "\t", r: "\r" }[code] ?? code,
    ),
  );
}

function lineIndex(m: Machine): number {
  const text = m.line();
  if (!/^\d{1,9}$/.test(text)) m.fail("a memo without a number");
  return Number(text);
}

type Action = (m: Machine) => void;

/** By opcode; what is absent (extensions, out-of-band buffers) is refused. */
const actions: Action[] = [];
const on = (opcode: number | string, action: Action) =>
  actions[typeof opcode === "string" ? ascii(opcode) : opcode] = action;

// Framing.
on(0x80, (m) => {
  const protocol = m.unsigned(1);
  if (protocol > 5) m.fail(`protocol ${protocol}; known are 0 to 5`);
});
on(0x95, (m) => void m.unsigned(8));
on("(", (m) => m.push(mark));
on("0", (m) => m.discard());
on("1", (m) => void m.sinceMark());
on("2", (m) => m.push(m.top()));
// Constants and numbers.
on("N", (m) => m.push(null));
on(0x88, (m) => m.push(true));
on(0x89, (m) => m.push(false));
on("I", decimal);
on("L", decimal);
on("J", (m) => m.push(m.signed32()));
on("K", (m) => m.push(m.unsigned(1)));
on("M", (m) => m.push(m.unsigned(2)));
on(0x8a, (m) => m.push(m.long(m.unsigned(1))));
on(0x8b, (m) => m.push(m.long(m.unsigned(4))));
on("F", decimalFloat);
on("G", (m) => m.push(m.float64()));
// Texts and bytes. Python 2 wrote names as T and U.
on("S", quoted);
on("V", (m) => m.push(m.line()));
on("T", (m) => m.push(m.text(m.unsigned(4))));
on("U", (m) => m.push(m.text(m.unsigned(1))));
on("X", (m) => m.push(m.text(m.unsigned(4))));
on(0x8c, (m) => m.push(m.text(m.unsigned(1))));
on(0x8d, (m) => m.push(m.text(m.unsigned(8))));
on("B", (m) => m.push(m.take(m.unsigned(4)).slice()));
on("C", (m) => m.push(m.take(m.unsigned(1)).slice()));
on(0x8e, (m) => m.push(m.take(m.unsigned(8)).slice()));
on(0x96, (m) => m.push(m.take(m.unsigned(8)).slice()));
// Collections.
on("]", (m) => m.push([]));
on(")", (m) => m.push([]));
on("}", (m) => m.push(new Map()));
on(0x8f, (m) => m.push(new Set()));
on("l", (m) => m.push(m.sinceMark()));
on("t", (m) => m.push(m.sinceMark()));
on("d", (m) => m.map(m.sinceMark()));
on(0x91, (m) => m.push(new Set(m.sinceMark())));
on(0x85, (m) => m.lastTuple(1));
on(0x86, (m) => m.lastTuple(2));
on(0x87, (m) => m.lastTuple(3));
on("a", (m) => {
  const value = m.pop();
  m.append([value]);
});
on("e", (m) => m.append(m.sinceMark()));
on(0x90, (m) => m.append(m.sinceMark()));
on("s", (m) => {
  const value = m.pop(), key = m.pop();
  m.setItems([key, value]);
});
on("u", (m) => m.setItems(m.sinceMark()));
// Memo.
on("p", (m) => m.put(lineIndex(m)));
on("q", (m) => m.put(m.unsigned(1)));
on("r", (m) => m.put(m.unsigned(4)));
on(0x94, (m) => m.memoize());
on("g", (m) => m.get(lineIndex(m)));
on("h", (m) => m.get(m.unsigned(1)));
on("j", (m) => m.get(m.unsigned(4)));
// Globals, calls, states.
on("c", (m) => {
  const module = m.line();
  m.global(module, m.line());
});
on(0x93, (m) => {
  const name = m.pop();
  m.global(m.pop(), name);
});
on("i", (m) => {
  const module = m.line();
  m.global(module, m.line());
  const callee = m.pop();
  m.call(m.sinceMark(), callee);
});
on("o", (m) => {
  const [callee, ...args] = m.sinceMark();
  m.call(args, callee);
});
on("R", (m) => {
  const args = m.pop();
  m.call(args, m.pop());
});
on(0x81, (m) => {
  const args = m.pop();
  m.call(args, m.pop());
});
on("b", (m) => m.build());
on("Q", (m) => m.persistent(m.pop()));
on("P", (m) => m.persistent(m.line()));
