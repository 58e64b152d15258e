// Checks core/io: half floats bit by bit, safetensors round trips, and that damaged files are refused with a useful error.
// It leaves real checkpoints to the golden tests.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { roundToHalf } from "../../core/backends/reference/half.ts";
import { CoreError } from "../../core/errors.ts";
import { bfloatToNumber, halfToNumber, numberToHalf } from "../../core/io/halves.ts";
import { openSafetensors, type TensorToWrite, writeSafetensors } from "../../core/io/safetensors.ts";

const test = suite("safetensors");

/** A file from a header (object or text) and its data. */
function build(header: unknown, data: Uint8Array = new Uint8Array(0), claimed?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + text.length + data.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(claimed ?? text.length), true);
  out.set(text, 8);
  out.set(data, 8 + text.length);
  return out;
}

async function refused(bytes: Uint8Array, pattern: RegExp): Promise<void> {
  try {
    await openSafetensors(bytes, "model.safetensors");
  } catch (error) {
    assert.instance(error, CoreError);
    assert.match((error as Error).message, pattern);
    assert.match((error as Error).message, /^model\.safetensors: /);
    return;
  }
  assert.unreachable(`accepted, wanted ${pattern}`);
}

test("all 65536 half floats survive; rounding agrees with the reference", () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = halfToNumber(bits);
    if (Number.isNaN(value)) assert.is(numberToHalf(value) & 0x7c00, 0x7c00);
    else assert.is(numberToHalf(value), bits, `bits ${bits.toString(16)}, value ${value}`);
  }
  fc.assert(
    fc.property(
      fc.float({ noNaN: true }),
      (value) => Object.is(halfToNumber(numberToHalf(value)), roundToHalf(value)),
    ),
    { seed: 1, numRuns: 5000 },
  );
  assert.is(bfloatToNumber(0x3f80), 1);
  assert.is(bfloatToNumber(0xc049), -3.140625);
});

test("every element type is decoded", async () => {
  const data = new DataView(new ArrayBuffer(8 + 8 + 4 + 4 + 2 + 2 + 1 + 1));
  data.setFloat64(0, 0.1, true);
  data.setBigInt64(8, -5n, true);
  data.setFloat32(16, 1.5, true);
  data.setInt32(20, -7, true);
  data.setUint16(24, 0x3c00, true);
  data.setUint16(26, 0xbf80, true);
  data.setUint8(28, 200);
  data.setUint8(29, 1);
  const header: Record<string, unknown> = {};
  const layout = [["F64", 8], ["I64", 8], ["F32", 4], ["I32", 4], ["F16", 2], ["BF16", 2], ["U8", 1], [
    "BOOL",
    1,
  ]];
  let at = 0;
  for (const [dtype, width] of layout) {
    header[dtype] = { dtype, shape: [1], data_offsets: [at, at += width as number] };
  }
  const file = await openSafetensors(build(header, new Uint8Array(data.buffer)));
  const values: Record<string, number> = {};
  for (const [name] of file.entries) values[name] = (await file.read(name)).data[0];
  assert.equal(values, {
    F64: Math.fround(0.1),
    I64: -5,
    F32: 1.5,
    I32: -7,
    F16: 1,
    BF16: -1,
    U8: 200,
    BOOL: 1,
  });
  assert.is((await file.read("U8")).dtype, "i32");
  assert.is((await file.read("BF16")).dtype, "f32");
});

test("an integer beyond 32 bits and an unsupported type are refused when read, by name", async () => {
  const data = new Uint8Array(8);
  new DataView(data.buffer).setBigInt64(0, 2n ** 40n, true);
  const wide = await openSafetensors(
    build({ ids: { dtype: "I64", shape: [1], data_offsets: [0, 8] } }, data),
  );
  await wide.read("ids").then(
    () => assert.unreachable("accepted"),
    (error) => assert.match(error.message, /"ids": element 0 is 1099511627776, outside 32 bits/),
  );
  const odd = await openSafetensors(
    build({ w: { dtype: "F8_E4M3", shape: [8], data_offsets: [0, 8] } }, data),
  );
  await odd.read("w").then(
    () => assert.unreachable("accepted"),
    (error) => assert.match(error.message, /"w": F8_E4M3 cannot be read; convert/),
  );
  await odd.read("v").then(
    () => assert.unreachable("accepted"),
    (error) => assert.match(error.message, /there is no tensor "v"; the file has 1, e\.g\. "w"/),
  );
});

test("round trip: shapes, values, types, metadata; the bytes do not depend on the order given", async () => {
  const name = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => text !== "__metadata__");
  const tensor = fc.array(fc.nat(4), { maxLength: 3 }).chain((shape) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const reals = fc.array(fc.float({ noNaN: true }), { minLength: size, maxLength: size });
    const integers = fc.array(fc.integer(), { minLength: size, maxLength: size });
    return fc.oneof(
      reals.map((values): TensorToWrite => ({ shape, data: Float32Array.from(values) })),
      reals.map((values): TensorToWrite => ({
        shape,
        data: Float32Array.from(values, (value) => roundToHalf(value)),
        dtype: "F16",
      })),
      integers.map((values): TensorToWrite => ({ shape, data: Int32Array.from(values) })),
    );
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(name, tensor), { maxLength: 6 }).map((list) => new Map(list)),
      fc.dictionary(fc.string(), fc.string()),
      async (tensors, metadata) => {
        const bytes = writeSafetensors(tensors, metadata);
        assert.equal(bytes, writeSafetensors(new Map([...tensors].reverse()), metadata));
        const file = await openSafetensors(bytes);
        assert.equal({ ...file.metadata }, { ...metadata });
        assert.equal([...file.entries.keys()].sort(), [...tensors.keys()].sort());
        for (const [key, { shape, data }] of tensors) {
          const read = await file.read(key);
          assert.equal(read.shape, shape);
          assert.equal([...read.data], [...data]);
          assert.is(file.entries.get(key)!.offset % (read.dtype === "i32" ? 4 : 2), 0);
        }
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

test("a reader is asked for single tensors only", async () => {
  const bytes = writeSafetensors({
    a: { shape: [3], data: Float32Array.of(1, 2, 3) },
    b: { shape: [1000], data: new Float32Array(1000) },
  });
  const asked: number[] = [];
  const file = await openSafetensors({
    size: bytes.length,
    async read(offset, length) {
      asked.push(length);
      return bytes.subarray(offset, offset + length);
    },
  });
  assert.equal([...(await file.read("a")).data], [1, 2, 3]);
  assert.is(asked.at(-1), 12);
  assert.not(asked.some((length) => length >= 4000));
});

const good = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
const eight = new Uint8Array(8);
const damaged: [string, Uint8Array, RegExp][] = [
  ["an empty file", new Uint8Array(0), /0 bytes; a safetensors file has at least 8/],
  ["a header longer than the file", build({ w: good }, eight, 5000), /header claims 5000 bytes/],
  ["a length of 2^60", build({ w: good }, eight, 2 ** 60), /header claims/],
  ["no header at all", new Uint8Array(8), /header claims 0 bytes/],
  ["a header that is not JSON", build("{nonsense", eight), /not JSON/],
  ["bytes that are not UTF-8", build("{}").fill(0xff, 8), /not JSON/],
  ["a list for a header", build("[]"), /not a JSON object/],
  ["metadata that are not text", build({ __metadata__: { a: 1 } }), /__metadata__/],
  ["an entry that is a number", build({ w: 3 }), /"w": its entry is 3/],
  ["an unknown type", build({ w: { ...good, dtype: "F33" } }, eight), /"w": dtype is "F33"; known are/],
  [
    "a type named like a method",
    build({ w: { ...good, dtype: "toString" } }, eight),
    /"w": dtype is "toString"/,
  ],
  ["a negative axis", build({ w: { ...good, shape: [-2] } }, eight), /"w": shape is \[-2\]/],
  ["a fractional axis", build({ w: { ...good, shape: [0.5] } }, eight), /"w": shape is \[0.5\]/],
  ["an axis that is text", build({ w: { ...good, shape: ["2"] } }, eight), /"w": shape is/],
  [
    "offsets the wrong way round",
    build({ w: { ...good, data_offsets: [8, 0] } }, eight),
    /"w": data_offsets/,
  ],
  ["one offset", build({ w: { ...good, data_offsets: [8] } }, eight), /"w": data_offsets/],
  [
    "a shape of another size",
    build({ w: { ...good, shape: [3] } }, eight),
    /"w": shape \[3\] of F32 takes 12 bytes/,
  ],
  ["a size beyond 2^53", build({ w: { ...good, shape: [2 ** 30, 2 ** 30] } }, eight), /"w": shape/],
  ["truncated data", build({ w: good }, new Uint8Array(7)), /"w": ends at byte .* truncated/],
  ["trailing bytes", build({ w: good }, new Uint8Array(9)), /1 bytes follow tensor "w"/],
  ["two tensors on the same bytes", build({ v: good, w: good }, eight), /overlaps tensor "v"/],
  [
    "a gap between tensors",
    build({ v: good, w: { ...good, data_offsets: [12, 20] } }, new Uint8Array(20)),
    /"w": starts at byte .* leaves a gap after tensor "v"/,
  ],
];
for (const [name, bytes, pattern] of damaged) {
  test(`refuses ${name}`, () => refused(bytes, pattern));
}

test("any change of one header byte is refused or still describes all bytes", async () => {
  const bytes = writeSafetensors({
    "layer.0.weight": { shape: [2, 3], data: new Float32Array(6) },
    "layer.0.bias": { shape: [3], data: new Float32Array(3), dtype: "F16" },
  });
  const headerEnd = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  let rejections = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(headerEnd - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const changed = bytes.slice();
      changed[at] ^= flip;
      try {
        const file = await openSafetensors(changed);
        const total = [...file.entries.values()].reduce((sum, entry) => sum + entry.bytes, 0);
        assert.ok(total <= bytes.length - 10);
        for (const key of file.entries.keys()) await file.read(key);
      } catch (error) {
        assert.instance(error, CoreError, String(error));
        rejections++;
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
  assert.ok(rejections > 500, `${rejections} of 2000`);
});

test("every truncation is refused", async () => {
  const bytes = writeSafetensors({ w: { shape: [5], data: new Float32Array(5) } }, { made: "here" });
  for (let length = 0; length < bytes.length; length++) {
    await refused(bytes.subarray(0, length), /again/);
  }
});

test("what cannot be written is refused by name", () => {
  assert.throws(
    () => writeSafetensors({ w: { shape: [2], data: new Float32Array(3) } }),
    /"w": shape \[2\] takes 2 values, 3/,
  );
  assert.throws(
    () => writeSafetensors({ w: { shape: [1], data: new Int32Array(1), dtype: "F16" } }),
    /"w": F16 from Int32Array/,
  );
  assert.throws(
    () => writeSafetensors({ ["__metadata__"]: { shape: [], data: new Float32Array(1) } }),
    /__metadata__/,
  );
});

test.run();
