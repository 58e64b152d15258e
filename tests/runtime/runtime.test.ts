// Promises that files are written whole or not at all and that a failure of the disk names the file and what to do.
// Leaves the run store, which builds on this, to its own tests.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as runtime from "../../repro/runtime.ts";

const test = suite("runtime");
const folder = runtime.join(runtime.temporaryFolder(), `runtime-test-${crypto.randomUUID()}`);
const file = runtime.join(folder, "deep", "value.json");

test.after(() => runtime.remove(folder));

async function failure(action: Promise<unknown>): Promise<runtime.FileError> {
  const error = await action.then(() => null, (thrown) => thrown);
  assert.instance(error, runtime.FileError);
  return error;
}

test("writeAtomic creates folders, replaces content and leaves nothing else behind", async () => {
  await runtime.writeAtomic(file, "one");
  await runtime.writeAtomic(file, new TextEncoder().encode("two"));
  assert.is(await runtime.readText(file), "two");
  assert.is(await runtime.fileSize(file), 3);
  await runtime.writeAtomic(file, ["th", "re", "e"].map((part) => new TextEncoder().encode(part)));
  assert.is(await runtime.readText(file), "three");
  await runtime.writeAtomic(file, "two");
  assert.equal(await runtime.list(runtime.dirname(file)), ["value.json"]);
});

test("a write that fails at any step keeps the old content and removes its temporary file", async () => {
  const full = Object.assign(new Error("write"), { code: "ENOSPC" });
  let temporary = "";
  const steps: runtime.WriteSteps[] = [
    {
      async write(path) {
        temporary = path;
        await runtime.appendText(path, "half of i");
        throw full;
      },
      rename: () => Promise.resolve(),
    },
    { write: (path) => runtime.appendText(path, "whole"), rename: () => Promise.reject(full) },
  ];
  for (const step of steps) {
    const error = await failure(runtime.writeAtomic(file, "three", step));
    assert.is(error.code, "ENOSPC");
    assert.is(error.path, file);
    assert.match(error.message, "value.json");
    assert.match(error.message, "free some space");
    assert.is(await runtime.readText(file), "two");
    assert.equal(await runtime.list(runtime.dirname(file)), ["value.json"]);
  }
  assert.ok(runtime.isTemporary(temporary));
  assert.not.ok(runtime.isTemporary(file));
});

test("a device without space is named", async () => {
  if (!(await runtime.exists("/dev/full"))) return console.log("runtime: 1 check skipped, no /dev/full");
  const error = await failure(runtime.appendText("/dev/full", "x"));
  assert.is(error.code, "ENOSPC");
  assert.match(error.message, "/dev/full: no space left");
});

test("reading: absent file, folder, bytes that are no UTF-8, byte order mark", async () => {
  assert.is((await failure(runtime.readText(runtime.join(folder, "absent")))).code, "ENOENT");
  assert.is((await failure(runtime.readText(folder))).code, "EISDIR");
  await runtime.writeAtomic(runtime.join(folder, "bad.txt"), new Uint8Array([0x61, 0xff, 0xfe]));
  assert.match((await failure(runtime.readText(runtime.join(folder, "bad.txt")))).message, "not valid UTF-8");
  await runtime.writeAtomic(runtime.join(folder, "bom.txt"), "\uFEFFtext");
  assert.is(await runtime.readText(runtime.join(folder, "bom.txt")), "text");
});

test("list is sorted, and empty for an absent folder; createExclusive succeeds once", async () => {
  const lock = runtime.join(folder, "lock");
  assert.equal([await runtime.createExclusive(lock, "a"), await runtime.createExclusive(lock, "b")], [
    true,
    false,
  ]);
  assert.is(await runtime.readText(lock), "a");
  assert.equal(await runtime.list(runtime.join(folder, "none")), []);
  assert.equal(await runtime.list(folder), ["bad.txt", "bom.txt", "deep", "lock"]);
  await runtime.remove(lock);
  await runtime.remove(lock);
  assert.not.ok(await runtime.exists(lock));
});

test("folders are made on the way; where none can be made the system's answer comes at once", async () => {
  const deep = runtime.join(folder, "a", "b", "c");
  await Promise.all([runtime.makeFolder(deep), runtime.makeFolder(deep)]);
  assert.ok(runtime.isFolder(deep));
  assert.is((await failure(runtime.makeFolder(runtime.join(file, "below")))).code, "ENOTDIR");
  // Node's own recursive form never comes back from this one.
  if (runtime.machine().platform === "linux") {
    assert.match((await failure(runtime.makeFolder("/proc/none/a"))).message, "create folder /proc/none/a");
  }
});

test("the runtime and the machine are named", () => {
  assert.match(runtime.runtimeName(), /^(node|deno) \d+\./);
  const { cpus, memoryBytes } = runtime.machine();
  assert.ok(cpus >= 1 && memoryBytes > 1e6);
  assert.is(runtime.env("REPRO_SURELY_UNSET_VARIABLE"), undefined);
});

test.run();
