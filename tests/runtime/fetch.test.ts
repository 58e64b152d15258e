// `repro fetch` as a person sees it: the plan before the first byte, plain lines when piped, Ctrl-C and the same command again,
// two processes at once, exit codes, one JSON object, and no token anywhere.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { fakeHub, sha256Of } from "../fakes/hub.ts";

const test = suite("repro fetch");
const root = fileURLToPath(new URL("../../", import.meta.url));
const isDeno = "deno" in process.versions;
const command = isDeno
  ? [process.execPath, "run", "-A", "--no-check", join(root, "cli/main.ts")]
  : [process.execPath, join(root, "cli/repro.mjs")];

const token = "hf_averysecrettoken";
const commit = "a".repeat(40);
const weights = Uint8Array.from({ length: 400_000 }, (_, i) => (i * 2654435761) >>> 23);
const hub = await fakeHub([{
  type: "model",
  name: "org/model",
  commit,
  files: {
    "config.json": { bytes: new TextEncoder().encode("{}") },
    "model.safetensors": { bytes: weights, lfs: true },
  },
}], token);
test.before.each(() => {
  hub.mend();
  hub.seen.length = 0;
});
test.after(() => hub.close());

interface Finished {
  code: number;
  out: string;
  err: string;
  folder: string;
}

async function repro(
  words: string[],
  options: { folder?: string; env?: Record<string, string>; interruptWhen?: () => Promise<boolean> } = {},
): Promise<Finished> {
  const folder = options.folder ?? await mkdtemp(join(tmpdir(), "repro-fetch-"));
  return await new Promise((done) => {
    const child = spawn(command[0], [...command.slice(1), ...words], {
      cwd: root,
      env: {
        ...process.env,
        NO_COLOR: "1",
        HF_ENDPOINT: hub.endpoint,
        REPRO_MIRROR: hub.mirror,
        HF_HOME: join(folder, "hf"),
        HF_HUB_CACHE: join(folder, "hub"),
        REPRO_CACHE: join(folder, "cache"),
        ...options.env,
      },
    });
    let out = "", err = "";
    let interrupted = false;
    child.stdout.on("data", (data) => out += data);
    child.stderr.on("data", (data) => err += data);
    const timer = setInterval(async () => {
      if (await options.interruptWhen?.() && !interrupted) {
        interrupted = true;
        child.kill("SIGINT");
      }
    }, 50);
    child.on("close", (code, signal) => {
      clearInterval(timer);
      // A parent on Deno is told the signal that it sent, whatever the child made of it.
      done({ code: code ?? (isDeno && signal === "SIGINT" ? 130 : -1), out, err, folder });
    });
  });
}

const blobOf = (folder: string) => join(folder, "hub", "models--org--model", "blobs", sha256Of(weights));

test("the plan comes first; what arrived is counted; a second call verifies; neither shows the token", async () => {
  const env = { HF_TOKEN: token };
  const first = await repro(["fetch", "org/model"], { env });
  assert.is(first.code, 0, first.err);
  assert.match(
    first.out,
    /org\/model │ Hub @aaaaaaaa │\s+2 │ 400 kB │\s+400 kB │ 2 new\s+│/,
  );
  assert.match(first.out, /2 files, 2 to come: 400 kB\nfree: [\d.]+ [MGT]B for /);
  assert.match(first.out, /2 files downloaded, 0 there and verified; digests in \S+fetch\.lock\.json/);
  const second = await repro(["fetch", `org/model@${commit}`, "--offline"], { folder: first.folder, env });
  assert.is(second.code, 0, second.err);
  assert.match(second.out, /2 files, all there\n0 files downloaded, 2 there and verified/);
  for (const { out, err } of [first, second]) assert.not.match(out + err, token);
  assert.ok(hub.seen.some(({ authorization }) => authorization === `Bearer ${token}`));
});

test("the token file of `hf auth login` is used; a wrong token is refused without being shown", async () => {
  const folder = await mkdtemp(join(tmpdir(), "repro-fetch-"));
  await mkdir(join(folder, "hf"));
  await writeFile(join(folder, "hf", "token"), `${token}\n`);
  const found = await repro(["fetch", "org/model", "--plan"], { folder });
  assert.is(found.code, 0, found.err);
  assert.equal([...new Set(hub.seen.map(({ authorization }) => authorization))], [`Bearer ${token}`]);
  const wrong = "hf_thewrongtoken";
  const { code, out, err } = await repro(["fetch", "org/model"], { env: { HF_TOKEN: wrong } });
  assert.is(code, 1);
  assert.match(
    err,
    /not allowed: HTTP 401 \("Invalid credentials in Authorization header"\) from \S+, with the token given; check/,
  );
  assert.not.match(out + err, wrong);
});

test("--plan downloads nothing; --json is one object", async () => {
  const { code, out, err, folder } = await repro(["fetch", "org/model", "--plan", "--json"]);
  assert.is(code, 0, err);
  const { files, bytes, disks, errors } = JSON.parse(out);
  assert.equal(files.map(({ file, state }: { file: string; state: string }) => [file, state]), [
    ["config.json", "absent"],
    ["model.safetensors", "absent"],
  ]);
  assert.equal([bytes, errors, disks.length], [weights.length + 2, [], 1]);
  assert.is(await stat(blobOf(folder)).catch(() => null), null);
  assert.is(hub.seen.filter(({ server }) => server === "cdn").length, 0);
});

test("Ctrl-C: exit 130, the partial file stays, the same command goes on from its last byte", async () => {
  hub.fail({ where: "Signature", slow: 100 });
  const folder = await mkdtemp(join(tmpdir(), "repro-fetch-"));
  const partial = `${blobOf(folder)}.repro-partial`;
  const sizeOf = (path: string) => stat(path).then(({ size }) => size, () => 0);
  const stopped = await repro(["fetch", "org/model"], {
    folder,
    interruptWhen: async () => await sizeOf(partial) > 20_000,
  });
  assert.is(stopped.code, 130, stopped.err);
  assert.match(stopped.err, "stopped: what came is kept; the same command goes on from there");
  const size = await sizeOf(partial);
  assert.ok(size > 20_000 && size < weights.length, String(size));
  hub.mend();
  const { code, out } = await repro(["fetch", "org/model"], { folder });
  assert.is(code, 0);
  assert.match(out, /1 to come|2 to come/);
  assert.is(hub.seen.findLast(({ server }) => server === "cdn")!.range, `bytes=${size}-`);
  assert.is(sha256Of(new Uint8Array(await readFile(blobOf(folder)))), sha256Of(weights));
});

test("two processes at once: one downloads, the other waits for it; both are content", async () => {
  hub.fail({ where: "Signature", slow: 60 });
  const folder = await mkdtemp(join(tmpdir(), "repro-fetch-"));
  const both = await Promise.all([1, 2].map(() => repro(["fetch", "org/model"], { folder })));
  assert.equal(both.map(({ code }) => code), [0, 0], both.map(({ err }) => err).join());
  assert.is(hub.seen.filter(({ server }) => server === "cdn").length, 1);
});

test("a figure is fetched as a table is: what its runs read, or the model that it looks at", async () => {
  const setsOf = async (...words: string[]) => {
    const { code, out, err } = await repro(["fetch", ...words, "--plan", "--offline", "--json"]);
    assert.is(code, 0, err);
    return [...new Set(JSON.parse(out).files.map(({ set }: { set: string }) => set))];
  };
  const table = await setsOf("table1");
  assert.ok(table.includes("xlmr") && table.includes("xlmr-adapters") && table.includes("mnli"));
  assert.equal((await setsOf("figure3")).sort(), table.sort());
  assert.equal(await setsOf("figure6"), ["mbert", "mbert-adapters"]);
  assert.is(hub.seen.length, 0);
  // The Hub is asked for the same files: this one has none of them.
  const { code, err } = await repro(["fetch", "figure6", "--plan", "--retries", "0"]);
  assert.is(code, 1);
  assert.match(err, /google-bert\/bert-base-multilingual-cased/);
  assert.ok(hub.seen.some(({ path }) => path.includes("google-bert/bert-base-multilingual-cased")));
});

test("what fails is said once for many files, with the exit code; the rest is kept", async () => {
  const { code, out, err } = await repro(["fetch", "xcopa", "org/model", "--retries", "0"]);
  assert.is(code, 1);
  assert.match(out, /2 files downloaded, 0 there and verified, 11 failed/);
  assert.match(
    err,
    /^repro: fetch xcopa xcopa\/et\/test\.et\.jsonl: there is no such file: HTTP 404 .*REPRO_MIRROR.*\(and 10 more files in the same way\)$/m,
  );
  assert.is(err.split("repro: ").length - 1, 1, err);
});

test("an unknown name is refused with those that are known, exit code 2", async () => {
  const { code, out, err } = await repro(["fetch", "squad", "squat"]);
  assert.equal([code, out], [2, ""]);
  assert.match(err, /unknown name "squat"; choose table1, .*, all, or org\/name\[@revision\]/);
});

test("a run on what was not fetched is refused with the command that fetches it", async () => {
  const { code, err } = await repro([
    "table1",
    "--scale",
    "paper",
    "--rows",
    "mbert",
    "--columns",
    "xquad",
    "--backend",
    "wasm",
  ]);
  assert.is(code, 2);
  assert.match(
    err,
    /--scale paper needs the real encoders: model google-bert\S+: not in \S+; fetch it: repro fetch /,
  );
});

test.run();
