// Checks the reader of PyTorch files on files that PyTorch wrote (tests/golden/make_torch_files.py), on hand-made pickles, and on
// thousands of damaged ones: a value or a clear error, never anything else. It leaves model folders to checkpoints.test.ts.

import { readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { CoreError } from "../../core/errors.ts";
import { type ByteReader, fromMemory } from "../../core/io/bytes.ts";
import { readPickle } from "../../core/io/pickle.ts";
import { readAllStored } from "../../core/io/stored.ts";
import { openTorch } from "../../core/io/torch.ts";
import { torchGlobal } from "../../core/io/torch_objects.ts";
import { writeTorch } from "../../core/io/torch_write.ts";
import { openZip, writeZip } from "../../core/io/zip.ts";

const test = suite("torch files");

const folder = new URL("../fixtures/files/", import.meta.url);
const bytesOf = async (name: string) => new Uint8Array(await readFile(new URL(name, folder)));
const expected: Record<string, { shape: number[]; values: number[] }> = JSON.parse(
  await readFile(new URL("torch-files.json", folder), "utf8"),
);

async function refused(run: () => unknown, pattern: RegExp): Promise<void> {
  try {
    await run();
  } catch (error) {
    assert.instance(error, CoreError, String((error as Error).stack));
    assert.match((error as Error).message, pattern);
    return;
  }
  assert.unreachable(`accepted, wanted ${pattern}`);
}

for (const name of ["zip.bin", "legacy.bin"]) {
  test(`${name}: views, strides and every element type as PyTorch has them`, async () => {
    const state = await readAllStored(await openTorch(await bytesOf(name), name));
    assert.equal([...state.keys()], Object.keys(expected));
    for (const [key, { shape, values }] of Object.entries(expected)) {
      assert.equal(state.get(key)!.shape, shape, key);
      const { dtype, data } = state.get(key)!;
      assert.equal([...data], dtype === "f32" ? values.map(Math.fround) : values, key);
    }
  });
}

test("a state dict inside a training checkpoint is found, with everything plain beside it", async () => {
  const state = await readAllStored(await openTorch(await bytesOf("wrapped.bin")));
  assert.equal([...state.keys()], ["weight", "bias"]);
  assert.equal([...state.get("weight")!.data], [0, 1, 2, 3, 4, 5]);
});

test("another global is refused by name and place", async () => {
  const file = await bytesOf("refused.bin");
  await refused(
    () => openTorch(file, "x.bin"),
    /^x\.bin: pickle: it asks for the global "__main__\.Custom" at byte \d+/,
  );
});

test("only what is asked for is read", async () => {
  const whole = await bytesOf("zip.bin");
  let read = 0;
  const counting: ByteReader = {
    size: whole.length,
    read(offset, length) {
      read += length;
      return fromMemory(whole).read(offset, length);
    },
  };
  const tensors = await openTorch(counting);
  read = 0;
  const parts: number[] = [];
  await tensors.get("slice")!.stream((values) => void parts.push(...values));
  assert.is(parts.length, expected.slice.values.length);
  assert.is(read, 4 * 11, "bytes from the first to the last element of the view");
});

test("what writeTorch writes is read back, the same bytes each time", async () => {
  const tensors = new Map([
    ["a.weight", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6.5) }],
    ["b", { shape: [], data: Float32Array.of(-0) }],
    ["leer", { shape: [0], data: new Float32Array(0) }],
  ]);
  const bytes = writeTorch(tensors);
  assert.equal(writeTorch(tensors), bytes);
  const state = await readAllStored(await openTorch(bytes));
  assert.equal(
    [...state].map(([name, { shape }]) => [name, shape]),
    [...tensors].map(([name, { shape }]) => [
      name,
      shape,
    ]),
  );
  assert.equal([...state.get("a.weight")!.data], [1, 2, 3, 4, 5, 6.5]);
  await refused(
    () => writeTorch(new Map([["a", { shape: [2], data: Float32Array.of(1) }]])),
    /1 values for shape \[2\]/,
  );
});

/** A file of the old format from protocol-0 pickles written by hand. */
function legacy(state: string, keys = "(lp0\n."): Uint8Array {
  return new TextEncoder().encode(
    `L119547037146038801333356L\n.I1001\n.(dp0\nS'little_endian'\np1\nI01\ns.${state}${keys}`,
  );
}

const legacyTensor = (offset: number, size: string, strides: string, view = "N") =>
  `(dp0\nVx\nctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'7'\nS'cpu'\nI4\n${view}tQI${offset}\n${size}${strides}I00\n` +
  `ccollections\nOrderedDict\n(tRtRs.`;
const legacyKeys = "(lp0\nS'7'\na.";
const withStorage = (bytes: Uint8Array, values: number[], count = values.length) => {
  const out = new Uint8Array(bytes.length + 8 + 4 * values.length);
  out.set(bytes);
  new DataView(out.buffer).setBigUint64(bytes.length, BigInt(count), true);
  values.forEach((value, i) => new DataView(out.buffer).setFloat32(bytes.length + 8 + 4 * i, value, true));
  return out;
};

test("old files: views of storages, and shapes that do not fit them", async () => {
  const file = (text: string) => withStorage(legacy(text, legacyKeys), [1, 2, 3, 4]);
  const whole = await readAllStored(await openTorch(file(legacyTensor(0, "(I2\nI2\nt", "(I1\nI2\nt"))));
  assert.equal([...whole.get("x")!.data], [1, 3, 2, 4]);
  const view = await readAllStored(
    await openTorch(file(legacyTensor(1, "(I1\nt", "(I1\nt", "(S'v'\nI2\nI2\nt"))),
  );
  assert.equal([...view.get("x")!.data], [4]);
  for (
    const [offset, size, strides] of [
      [3, "(I2\nt", "(I1\nt"],
      [0, "(I2\nI2\nt", "(I3\nI1\nt"],
      [0, "(I999999999\nI999999999\nt", "(I1\nI1\nt"],
    ] as const
  ) await refused(() => openTorch(file(legacyTensor(offset, size, strides))), /does not fit a storage of 4/);
  await refused(
    () => openTorch(file(legacyTensor(0, "(I99999999\nt", "(I0\nt"))),
    /repeats 1 values 99999999 times/,
  );
  await refused(() => openTorch(file(legacyTensor(0, "(I2\nt", "(t"))), /not the non-negative integers/);
  await refused(() => openTorch(file(legacyTensor(-1, "(I2\nt", "(I1\nt"))), /not the non-negative integers/);
  await refused(
    () => openTorch(withStorage(legacy(legacyTensor(0, "(I4\nt", "(I1\nt"), legacyKeys), [1, 2], 4)),
    /storage 7 ends at byte \d+, but the file has \d+/,
  );
  await refused(() => openTorch(legacy(legacyTensor(0, "(I4\nt", "(I1\nt"))), /its storage 7 is absent/);
});

test("other files and dangerous pickles are refused in words", async () => {
  const text = (value: string) => new TextEncoder().encode(value);
  for (
    const [pickle, pattern] of [
      ["cos\nsystem\n(S'true'\ntR.", /global "os\.system" at byte 0/],
      ["(S'true'\nios\nsystem\n.", /global "os\.system"/],
      ["(cbuiltins\neval\nS'1'\no.", /global "builtins\.eval"/],
      ["\x80\x04\x8c\x05posix\x8c\x06system\x93.", /global "posix\.system"/],
      ["\x82\x01.", /opcode 0x82/],
      ["cnumpy.core.multiarray\n_reconstruct\n.", /numpy\.core\.multiarray\._reconstruct/],
      ["ctorch\nload\n.", /global "torch\.load"/],
      ["ctorch.nn.modules.linear\nLinear\n.", /torch\.nn\.modules\.linear\.Linear/],
      ["ccollections\nOrderedDict\nI3\nR.", /called with something other than a tuple/],
      ["I1\n(I2\nt R.", /opcode 0x20/],
      ["g5\n.", /memo 5 was never set/],
      ["R.", /the stack is empty/],
      ["(.", /open mark/],
      ["a.", /stack is empty/],
      ["\x80\x09.", /protocol 9/],
      ["S'x'\nI1\nb.", /a state for an object/],
    ] as const
  ) {
    const bytes = Uint8Array.from(pickle, (letter) => letter.charCodeAt(0));
    await refused(() => readPickle(bytes, { label: "x", global: torchGlobal }), pattern);
  }
  await refused(() => openTorch(text("<html>404</html>"), "page.bin"), /^page\.bin: /);
  await refused(() => openTorch(text(""), "empty.bin"), /^empty\.bin: 0 bytes/);
  await refused(
    () => openTorch(text("I5\n.more"), "five.bin"),
    /neither a zip archive nor a file of torch\.save/,
  );
  await refused(() => openTorch(legacy("(lp0\n."), "list.bin"), /holds no dict of tensors/);
  await refused(() => openTorch(writeZip([["a.txt", text("x")]]), "other.zip"), /0 members named data\.pkl/);
  await refused(
    () => openTorch(writeZip([["m/data.pkl", text("(dp0\n.")], ["m/constants.pkl", text("x")]])),
    /TorchScript/,
  );
  await refused(
    () => openTorch(writeZip([["m/data.pkl", text("(dp0\n.")], ["m/byteorder", text("big")]])),
    /big/,
  );
});

test("zip: members are found, damage and compression are noticed", async () => {
  const data = Uint8Array.from({ length: 500 }, (_, i) => i % 7);
  const archive = writeZip([["a/b.txt", data], ["c", new Uint8Array(0)]]);
  const zip = await openZip(fromMemory(archive), "x.zip");
  assert.equal([...zip.entries.keys()], ["a/b.txt", "c"]);
  assert.equal(await zip.read("a/b.txt"), data);
  assert.is((await zip.open("a/b.txt")).size, 500);
  await refused(() => zip.read("d"), /no member d among its 2/);
  const damaged = archive.slice();
  damaged[200] ^= 1;
  await refused(
    async () => (await openZip(fromMemory(damaged), "x.zip")).read("a/b.txt"),
    /does not match its checksum/,
  );
});

/** A file of any size that is nothing but zeros and a few parts. */
function sparse(size: number, parts: readonly (readonly [number, Uint8Array])[]): ByteReader {
  return {
    size,
    async read(offset, length) {
      const out = new Uint8Array(Math.min(length, size - offset));
      for (const [at, bytes] of parts) {
        for (let i = 0; i < bytes.length; i++) {
          if (at + i >= offset && at + i < offset + out.length) out[at + i - offset] = bytes[i];
        }
      }
      return out;
    },
  };
}

test("zip64: a member beyond 4 GiB", async () => {
  const ordinary = writeZip([["m/x", Uint8Array.of(1, 2, 3)]]);
  const local = ordinary.subarray(0, ordinary.indexOf(1, 60) + 3), name = new TextEncoder().encode("m/x");
  const at = 5 * 2 ** 30, directoryAt = at + local.length;
  const bytes = (size: number, fill: (view: DataView) => void) => {
    const out = new Uint8Array(size);
    fill(new DataView(out.buffer));
    return out;
  };
  const central = bytes(46 + 3 + 28, (view) => {
    view.setUint32(0, 0x02014b50, true);
    view.setUint32(16, 0x55bc801d, true);
    for (const field of [20, 24, 42]) view.setUint32(field, 0xffffffff, true);
    view.setUint16(28, 3, true);
    view.setUint16(30, 28, true);
    name.forEach((letter, i) => view.setUint8(46 + i, letter));
    view.setUint16(49, 1, true);
    view.setUint16(51, 24, true);
    [3, 3, at].forEach((value, i) => view.setBigUint64(53 + 8 * i, BigInt(value), true));
  });
  const end64At = directoryAt + central.length;
  const ends = bytes(56 + 20 + 22, (view) => {
    view.setUint32(0, 0x06064b50, true);
    [1, 1, central.length, directoryAt].forEach((value, i) =>
      view.setBigUint64(24 + 8 * i, BigInt(value), true)
    );
    view.setUint32(56, 0x07064b50, true);
    view.setBigUint64(64, BigInt(end64At), true);
    view.setUint32(76, 0x06054b50, true);
    for (const field of [84, 86]) view.setUint16(field, 0xffff, true);
    for (const field of [88, 92]) view.setUint32(field, 0xffffffff, true);
  });
  const size = end64At + ends.length;
  const zip = await openZip(sparse(size, [[at, local], [directoryAt, central], [end64At, ends]]), "big.zip");
  assert.equal(await (await zip.open("m/x")).read(0, 9), Uint8Array.of(1, 2, 3));
  assert.equal(await zip.read("m/x"), Uint8Array.of(1, 2, 3));
});

/** A value, or an error of ours. */
async function survives(bytes: Uint8Array, label: string): Promise<boolean> {
  try {
    await readAllStored(await openTorch(bytes, "damaged"));
    return true;
  } catch (error) {
    if (!(error instanceof CoreError)) throw new Error(`${label}: ${(error as Error).stack}`);
    return false;
  }
}

test("every truncation is an error", async () => {
  for (const name of ["zip.bin", "legacy.bin"]) {
    const whole = await bytesOf(name);
    for (let length = 0; length < whole.length; length += name === "zip.bin" ? 3 : 1) {
      // A cut inside the last storage of a tensor that is never read to its end does not exist: all are read.
      assert.not.ok(
        await survives(whole.subarray(0, length), `${name} cut to ${length}`),
        `${name} cut to ${length}`,
      );
    }
  }
});

test("thousands of flipped bits and shuffled bytes give a value or an error of ours", async () => {
  for (const name of ["zip.bin", "legacy.bin", "wrapped.bin"]) {
    const whole = await bytesOf(name);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        async (flips) => {
          const bytes = whole.slice();
          for (const [at, bits] of flips) bytes[at] ^= bits;
          await survives(bytes, `${name} ${JSON.stringify(flips)}`);
        },
      ),
      { seed: 7, numRuns: 1500 },
    );
  }
});

test("arbitrary pickles end", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        readPickle(bytes, { label: "x", global: torchGlobal });
      } catch (error) {
        assert.instance(error, CoreError);
      }
    }),
    { seed: 8, numRuns: 5000 },
  );
});

test.run();
