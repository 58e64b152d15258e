// Promises an ONNX model as bytes, built node by node: just as much of the format as the bench's graphs need.
// Leaves which nodes to graphs.ts. Field numbers are those of onnx.proto (https://github.com/onnx/onnx).

/** Protocol-buffer fields, appended in the order of the calls. */
class Message {
  readonly #bytes: number[] = [];

  #varint(value: bigint): this {
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.#bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.#bytes.push(Number(rest));
    return this;
  }

  #tag(field: number, wireType: 0 | 2 | 5): this {
    return this.#varint(BigInt(field * 8 + wireType));
  }

  integer(field: number, value: number): this {
    return this.#tag(field, 0).#varint(BigInt(value));
  }

  float(field: number, value: number): this {
    this.#tag(field, 5);
    this.#bytes.push(...new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  bytes(field: number, value: Iterable<number> & { length: number }): this {
    this.#tag(field, 2).#varint(BigInt(value.length));
    for (const byte of value) this.#bytes.push(byte);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.#bytes);
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** Whole numbers, lists of them, or `{ float }`. */
export type Attribute = number | readonly number[] | { float: number };

const elementTypes = { float: 1, int64: 7 };
const attributeTypes = { float: 1, integer: 2, integers: 7 };

function attribute(name: string, value: Attribute): Message {
  const out = new Message().text(1, name);
  if (typeof value === "number") return out.integer(3, value).integer(20, attributeTypes.integer);
  if ("float" in value) return out.float(2, value.float).integer(20, attributeTypes.float);
  for (const each of value) out.integer(8, each);
  return out.integer(20, attributeTypes.integers);
}

function valueInfo(name: string, shape: readonly number[]): Message {
  const dimensions = new Message();
  for (const size of shape) dimensions.message(1, new Message().integer(1, size));
  const tensor = new Message().integer(1, elementTypes.float).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

/** A value of the graph under construction: the name of what computes it. */
export type Value = string;

export class GraphBuilder {
  readonly #nodes: Message[] = [];
  readonly #constants: Message[] = [];
  readonly #inputs: Message[] = [];
  readonly #outputs: Message[] = [];
  #count = 0;

  input(name: string, shape: readonly number[]): Value {
    this.#inputs.push(valueInfo(name, shape));
    return name;
  }

  /** Makes `value` a result of the graph under this name. */
  output(name: string, value: Value, shape: readonly number[]): void {
    this.#nodes.push(new Message().text(1, value).text(2, name).text(4, "Identity"));
    this.#outputs.push(valueInfo(name, shape));
  }

  node(operator: string, inputs: readonly Value[], attributes: Record<string, Attribute> = {}): Value {
    return this.nodes(operator, inputs, attributes, 1)[0];
  }

  /** A node with several results. */
  nodes(
    operator: string,
    inputs: readonly Value[],
    attributes: Record<string, Attribute>,
    results: number,
  ): Value[] {
    const names = Array.from({ length: results }, () => this.#name());
    const node = new Message();
    for (const each of inputs) node.text(1, each);
    for (const each of names) node.text(2, each);
    node.text(4, operator);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    this.#nodes.push(node);
    return names;
  }

  scalar(value: number): Value {
    return this.#constant([], elementTypes.float, new Uint8Array(Float32Array.of(value).buffer));
  }

  integers(values: readonly number[]): Value {
    const data = BigInt64Array.from(values, BigInt);
    return this.#constant([values.length], elementTypes.int64, new Uint8Array(data.buffer));
  }

  #constant(shape: readonly number[], type: number, data: Uint8Array): Value {
    const name = this.#name();
    const tensor = new Message();
    for (const size of shape) tensor.integer(1, size);
    this.#constants.push(tensor.integer(2, type).text(8, name).bytes(9, data));
    return name;
  }

  #name(): string {
    return `v${this.#count++}`;
  }

  /** The model file. Operator set 20 is the first with Gelu. */
  build(): Uint8Array {
    const graph = new Message();
    for (const each of this.#nodes) graph.message(1, each);
    graph.text(2, "bench");
    for (const each of this.#constants) graph.message(5, each);
    for (const each of this.#inputs) graph.message(11, each);
    for (const each of this.#outputs) graph.message(12, each);
    const operators = new Message().text(1, "").integer(2, 20);
    return new Message().integer(1, 9).message(7, graph).message(8, operators).finish();
  }
}
