// Downloads against a Hub, a CDN and a mirror on loopback that speak the real protocol and misbehave on demand: what arrives is
// verified, what stops is gone on with, and each fault has its own message.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { ask, retryAfter } from "../../repro/fetch/http.ts";
import { readLockFile } from "../../repro/fetch/lock-file.ts";
import { partialOf } from "../../repro/fetch/plan.ts";
import { modelFiles } from "../../repro/fetch/hub.ts";
import { fetchSettings } from "../../repro/fetch/settings.ts";
import { type FileSet, parseHubId, type PinnedFile } from "../../repro/fetch/wanted.ts";
import { fetchNow, freshSettings } from "../fakes/fetching.ts";
import { fakeHub, gitSha1Of, sha256Of } from "../fakes/hub.ts";

const test = suite("fetch");
const bytes = (text: string) => new TextEncoder().encode(text);
const noise = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 23);

const commit = "1".repeat(40);
const weights = noise(300_000);
const config = bytes('{"model_type":"bert"}');
const hub = await fakeHub([
  {
    type: "model",
    name: "org/model",
    commit,
    branches: { old: "2".repeat(40) },
    files: {
      "README.md": { bytes: bytes("# a model") },
      "config.json": { bytes: config },
      "model.safetensors": { bytes: weights, lfs: true },
      "pytorch_model.bin": { bytes: noise(10), lfs: true },
      "folder/vocab.txt": { bytes: bytes("a\nb\n") },
    },
  },
  { type: "model", name: "org/gated", commit, gated: true, files: { "config.json": { bytes: config } } },
]);
const token = "hf_averysecrettoken";

const files = (...list: (PinnedFile | string)[]): PinnedFile[] =>
  list.map((each) => typeof each === "string" ? { path: each, evidence: "none" } : each);
const model = (revision: string, ...list: (PinnedFile | string)[]): FileSet => ({
  id: "model",
  kind: "model",
  repo: { type: "model", name: "org/model", revision },
  files: list.length === 0 ? null : files(...list),
  evidence: "strong",
});
const pinned: PinnedFile = {
  path: "model.safetensors",
  bytes: weights.length,
  sha256: sha256Of(weights),
  evidence: "strong",
};
const originalText = noise(200_000);
hub.originals.set("data.example/v1/train.json", originalText);
const original = (given: Partial<PinnedFile> = {}): FileSet => ({
  id: "original",
  kind: "dataset",
  files: [{
    path: "squad/train.json",
    urls: ["https://data.example/v1/train.json"],
    evidence: "strong",
    ...given,
  }],
  evidence: "strong",
});

test.before.each(() => {
  hub.mend();
  hub.seen.length = 0;
});
test.after(() => hub.close());

const snapshot = (cache: string, path: string) =>
  join(cache, "models--org--model", "snapshots", commit, ...path.split("/"));
const blob = (cache: string, digest: string) => join(cache, "models--org--model", "blobs", digest);
const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

test("a model comes into the layout of Python's cache: blobs by digest, links, the branch's commit", async () => {
  const settings = await freshSettings(hub);
  const { states } = await fetchNow([model("main")], settings);
  // Safetensors and small files; neither the pickle nor what is no part of a model.
  assert.equal(states, { "config.json": "downloaded", "model.safetensors": "downloaded" });
  const link = snapshot(settings.hubCache, "model.safetensors");
  assert.is(await readlink(link), join("..", "..", "blobs", sha256Of(weights)));
  assert.ok(same(await readFile(link), weights));
  assert.ok((await lstat(blob(settings.hubCache, gitSha1Of(config)))).isFile());
  assert.is(await readFile(join(settings.hubCache, "models--org--model", "refs", "main"), "utf8"), commit);
  const lock = await readLockFile(settings.lockPath);
  const entry = lock.files[`models/org/model@${commit}/model.safetensors`];
  assert.equal([entry.bytes, entry.sha256, entry.compared], [weights.length, sha256Of(weights), "hub"]);
});

test("a branch stays the commit that it was at the first download, the Hub's conversion to Parquet among them", async () => {
  const settings = await freshSettings(hub);
  const branch = "refs/convert/parquet";
  const repo = {
    type: "dataset" as const,
    name: "org/data",
    commit,
    branches: { [branch]: "3".repeat(40) },
    files: { "de/test/0000.parquet": { bytes: noise(500), lfs: true } },
  };
  hub.repos.push(repo);
  const set: FileSet = {
    id: "data",
    kind: "dataset",
    repo: { type: "dataset", name: "org/data", revision: branch },
    files: files("de/test/0000.parquet"),
    evidence: "none",
  };
  assert.equal((await fetchNow([set], settings)).states, { "de/test/0000.parquet": "downloaded" });
  repo.branches[branch] = "4".repeat(40);
  const again = await fetchNow([set], settings);
  assert.equal(again.states, { "de/test/0000.parquet": "verified" });
  assert.is(again.plan.files[0].commit, "3".repeat(40));
  assert.equal((await readLockFile(settings.lockPath)).refs, {
    [`datasets/org/data@${branch}`]: "3".repeat(40),
  });
});

test("a file in a folder is linked from there; a second fetch verifies and asks for nothing", async () => {
  const settings = await freshSettings(hub);
  const set = model(commit, pinned, "folder/vocab.txt");
  await fetchNow([set], settings);
  assert.is(
    await readlink(snapshot(settings.hubCache, "folder/vocab.txt")),
    join("..", "..", "..", "blobs", gitSha1Of(bytes("a\nb\n"))),
  );
  hub.seen.length = 0;
  const { states } = await fetchNow([set], settings);
  assert.equal(states, { "model.safetensors": "verified", "folder/vocab.txt": "verified" });
  assert.is(hub.seen.length, 0);
});

test("what Python downloaded is used: known by the name of its blob, without a pin or a record", async () => {
  const settings = await freshSettings(hub, { offline: true });
  for (
    const [path, content, digest] of [
      ["config.json", config, gitSha1Of(config)],
      ["model.safetensors", weights, sha256Of(weights)],
    ] as const
  ) {
    await mkdir(dirname(blob(settings.hubCache, digest)), { recursive: true });
    await writeFile(blob(settings.hubCache, digest), content);
    await mkdir(dirname(snapshot(settings.hubCache, path)), { recursive: true });
    await symlink(join("..", "..", "blobs", digest), snapshot(settings.hubCache, path));
  }
  const { states } = await fetchNow([model(commit)], settings);
  assert.equal(states, { "config.json": "verified", "model.safetensors": "verified" });
  assert.is(hub.seen.length, 0);
});

test("a download that is cut off goes on from its last byte, by Range", async () => {
  const settings = await freshSettings(hub);
  hub.fail({ where: "Signature", cutAfter: 100_000, times: 1 });
  const { states, notes } = await fetchNow([model(commit, pinned)], settings);
  assert.equal(states, { "model.safetensors": "downloaded" });
  assert.match(notes.join("\n"), /the connection ended after \d+ kB of 300 kB; again in/);
  const cdn = hub.seen.filter(({ server }) => server === "cdn");
  assert.equal(cdn.map(({ status }) => status), [200, 206]);
  const from = Number(/bytes=(\d+)-/.exec(cdn[1].range!)![1]);
  assert.ok(from > 0 && from <= 100_000, String(from));
});

test("after Ctrl-C the partial file stays, and the next fetch asks only for the rest", async () => {
  const settings = await freshSettings(hub);
  hub.fail({ where: "Signature", slow: 20, times: 1 });
  const stop = new AbortController();
  let stopped: unknown;
  await fetchNow([model(commit, pinned)], settings, stop.signal, (_, have) => {
    if (have > 50_000) stop.abort(new Error("interrupted"));
  }).catch((error) => stopped = error);
  assert.match(String(stopped), "interrupted");
  const { size } = await stat(partialOf(blob(settings.hubCache, sha256Of(weights))));
  assert.ok(size > 50_000 && size < weights.length, String(size));
  hub.mend();
  const { states, plan } = await fetchNow([model(commit, pinned)], settings);
  assert.is(plan.bytes, weights.length - size);
  assert.equal(states, { "model.safetensors": "downloaded" });
  assert.is(hub.seen.at(-1)!.range, `bytes=${size}-`);
  assert.ok(same(await readFile(snapshot(settings.hubCache, "model.safetensors")), weights));
});

test("a partial file of other content, or longer than the file, is not trusted: fetched from the first byte", async () => {
  for (const content of [noise(1000).map((byte) => byte ^ 1), noise(400_000)]) {
    const settings = await freshSettings(hub);
    const partial = partialOf(blob(settings.hubCache, sha256Of(weights)));
    await mkdir(dirname(partial), { recursive: true });
    await writeFile(partial, content);
    const { states } = await fetchNow([model(commit, pinned)], settings);
    assert.equal(states, { "model.safetensors": "downloaded" });
  }
});

test("a partial file of a file of unknown size that is complete already: the server says 416, the digest decides", async () => {
  const settings = await freshSettings(hub);
  const partial = partialOf(join(settings.cache, "data", "squad", "train.json"));
  await mkdir(dirname(partial), { recursive: true });
  await writeFile(partial, originalText);
  const { states } = await fetchNow([original({ sha256: sha256Of(originalText) })], settings);
  assert.equal(states, { "squad/train.json": "downloaded" });
  assert.is(hub.seen.at(-1)!.status, 416);
});

test("a server that ignores Range, or answers another one, harms nothing", async () => {
  const settings = await freshSettings(hub);
  hub.fail({ where: "Signature", cutAfter: 100_000, times: 1 });
  hub.fail({ where: "Signature", noRange: true, times: 1 });
  const { states } = await fetchNow([model(commit, pinned)], settings);
  assert.equal(states, { "model.safetensors": "downloaded" });
  assert.equal(hub.seen.filter(({ server }) => server === "cdn").map(({ status }) => status), [200, 200]);
});

test("a connection that falls silent is given up and gone on with", async () => {
  const settings = await freshSettings(hub, { stallMs: 300 });
  hub.fail({ where: "Signature", stallAfter: 5000, times: 1 });
  hub.fail({ where: "resolve/", silent: true, times: 1 });
  const { states, notes } = await fetchNow([model(commit, pinned)], settings);
  assert.equal(states, { "model.safetensors": "downloaded" });
  assert.is(notes.length, 2, notes.join("\n"));
});

test("the token goes to the Hub alone, never to where it redirects, and never into a message", async () => {
  const settings = await freshSettings(hub, { token });
  await fetchNow([model("main"), original()], settings);
  const told = new Map(hub.seen.map(({ server, authorization }) => [server, authorization]));
  assert.equal([...told].sort(), [["cdn", null], ["hub", `Bearer ${token}`], ["mirror", null]]);
  hub.fail({ where: "resolve/", status: 403, headers: { "x-error-message": `bad token ${token}` } });
  const { states } = await fetchNow([model(commit, "pytorch_model.bin")], settings);
  assert.match(states["pytorch_model.bin"], 'HTTP 403 ("bad token …")');
  assert.not.match(states["pytorch_model.bin"], token);
});

const cases: [name: string, fault: Parameters<typeof hub.fail>[0], expected: RegExp[]][] = [
  ["corrupt", { where: "Signature", corrupt: true }, [
    /^corrupt: fetch org\/model model\.safetensors: what http\S+ gives is not the pinned one: SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}; nothing was kept/,
  ]],
  ["truncated", { where: "Signature", cutAfter: 1000 }, [
    /^truncated: .* ended after (\d+ B|[\d.]+ kB) of 300 kB \(\d+ of 300000 bytes\); what came is kept: the same command goes on/,
  ]],
  ["an HTML page", { where: "Signature", html: "Log in to the hotel's network" }, [
    /^html: .*: an HTML page came instead of the file \("Log in to the hotel's network"\) from http\S+\?…; open the address/,
  ]],
  ["an HTML page without a type", { where: "Signature", html: "Sign in", untyped: true }, [
    /^html: .*"Sign in"/,
  ]],
  ["unauthorized", { where: "resolve/", status: 401 }, [
    /^unauthorized: .*: not allowed: HTTP 401 .*, no token was sent; check the name, and set HF_TOKEN/,
  ]],
  ["gated", {
    where: "resolve/",
    status: 403,
    headers: { "x-error-code": "GatedRepo", "x-error-message": "Ask for access" },
  }, [
    /^gated: .*: access is restricted: HTTP 403 \("Ask for access"\) from http\S+, no token was sent; accept the conditions at http\S+org\/model and set HF_TOKEN/,
  ]],
  ["missing", { where: "resolve/", status: 404, headers: { "x-error-code": "EntryNotFound" } }, [
    /^missing: .*: the repository has no such file at this revision: HTTP 404/,
  ]],
  ["rate-limited", { where: "resolve/", status: 429, headers: { "retry-after": "0" } }, [
    /^rate-limited: .*: too many requests: HTTP 429 .*; run the same command again later, or set HF_TOKEN/,
  ]],
  ["a failing server", { where: "resolve/", status: 503 }, [
    /^server: .*: the server failed: HTTP 503 .*; run the same command again later/,
  ]],
  ["another commit", { where: "resolve/", commit: "f".repeat(40) }, [
    /^revision: .*is answered for commit f{40}, asked was 1{40}; check HF_ENDPOINT/,
  ]],
];
for (const [name, fault, expected] of cases) {
  test(`${name}: its own message, and nothing of it is kept as the file`, async () => {
    const settings = await freshSettings(hub);
    hub.fail(fault);
    const { states } = await fetchNow([model(commit, pinned)], settings);
    for (const pattern of expected) assert.match(states["model.safetensors"], pattern);
    assert.equal(await readdir(dirname(snapshot(settings.hubCache, ""))).catch(() => []), []);
    assert.equal((await readLockFile(settings.lockPath)).files, {});
    // All is well again: the same call brings it.
    hub.mend();
    assert.equal((await fetchNow([model(commit, pinned)], settings)).states, {
      "model.safetensors": "downloaded",
    });
  });
}

test("a page does not overwrite what a partial file holds", async () => {
  const settings = await freshSettings(hub);
  const partial = partialOf(blob(settings.hubCache, sha256Of(weights)));
  await mkdir(dirname(partial), { recursive: true });
  await writeFile(partial, weights.subarray(0, 7000));
  hub.fail({ where: "Signature", html: "Sign in", untyped: true });
  const { states } = await fetchNow([model(commit, pinned)], settings);
  assert.match(states["model.safetensors"], /^html/);
  assert.is((await stat(partial)).size, 7000);
});

test("refusals of the plan: no such repository, revision or file; a gated one", async () => {
  const settings = await freshSettings(hub);
  const of = async (set: FileSet) => Object.values((await fetchNow([set], settings)).states)[0];
  const named = (name: string): FileSet => ({
    ...model("main"),
    repo: { type: "model", name, revision: "main" },
  });
  assert.match(await of(named("org/none")), /^unauthorized: .*HTTP 401 \("Repository not found"\)/);
  assert.match(
    await of(model("v9", "config.json")),
    /^missing: .*the repository has no such revision: HTTP 404/,
  );
  assert.match(await of(model(commit, "none.json")), /^missing: .*it has no file none\.json/);
  assert.match(
    await of({ ...named("org/gated"), files: files("config.json") }),
    /^gated: .*Access to model org\/gated is restricted.*accept the conditions at http\S+\/org\/gated and set HF_TOKEN/,
  );
});

test("Retry-After is waited for, in seconds or as a date; too long a wait is refused with its length", async () => {
  assert.is(retryAfter("7"), 7);
  assert.is(retryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 30_000), 30);
  assert.is(retryAfter("soon"), null);
  const settings = await freshSettings(hub);
  hub.fail({ where: "resolve/", status: 429, headers: { "retry-after": "1" }, times: 1 });
  const started = performance.now();
  const { states, notes } = await fetchNow([model(commit, pinned)], settings);
  assert.equal(states, { "model.safetensors": "downloaded" });
  assert.equal(notes, ["org/model model.safetensors: HTTP 429; again in 1"]);
  assert.ok(performance.now() - started > 950);
  hub.fail({ where: "resolve/", status: 429, headers: { "retry-after": "7200" } });
  const refused = await fetchNow([model(commit, "pytorch_model.bin")], settings);
  assert.match(refused.states["pytorch_model.bin"], /^rate-limited: .*it asks for 7200 s of patience/);
  assert.equal(refused.notes, []);
});

test("a host that does not answer is not asked again and again for every file", async () => {
  const settings = await freshSettings(hub, { mirror: "http://127.0.0.1:9", jobs: 1 });
  const many: FileSet = {
    ...original(),
    files: ["a", "b", "c", "d"].map((path) => ({
      path,
      urls: [`https://data.example/${path}`],
      bytes: 5,
      evidence: "none",
    })),
  };
  const { states, notes } = await fetchNow([many], settings);
  assert.match(
    states.d,
    /^network: fetch original d: no answer from http:\/\/127\.0\.0\.1:9\/data\.example\/d \(.*\); check the network/,
  );
  assert.is(notes.length, settings.retries);
});

test("without a pin the first download is recorded, and a later answer that differs is refused", async () => {
  const settings = await freshSettings(hub);
  await fetchNow([original()], settings);
  const url = "https://data.example/v1/train.json";
  assert.equal((await readLockFile(settings.lockPath)).files[url].compared, "nothing");
  hub.originals.set("data.example/v1/train.json", bytes("another edition"));
  const elsewhere = { ...settings, cache: (await freshSettings(hub)).cache };
  const { states } = await fetchNow([original()], elsewhere);
  assert.match(
    states["squad/train.json"],
    /^changed: .*no longer gives the one recorded at the first download: size 15, recorded was 200000; find out why it changed/,
  );
  hub.originals.set("data.example/v1/train.json", originalText.map((byte) => byte ^ 3));
  assert.match((await fetchNow([original()], elsewhere)).states["squad/train.json"], /^changed: .*SHA-256/);
  hub.originals.set("data.example/v1/train.json", originalText);
  assert.equal((await fetchNow([original()], elsewhere)).states, { "squad/train.json": "downloaded" });
});

test("a Hub that describes another file than the pin is refused before a byte of it comes", async () => {
  const settings = await freshSettings(hub);
  const wrong: PinnedFile = { ...pinned, sha256: "0".repeat(64) };
  const strong = await fetchNow([model(commit, wrong)], settings);
  assert.match(
    strong.states.model,
    /^changed: .*describes another file: SHA-256 [0-9a-f]{64}, pinned was 0{64}; check HF_ENDPOINT; several sources/,
  );
  const weak: PinnedFile = { ...wrong, evidence: "single" };
  assert.match(
    (await fetchNow([model(commit, weak)], settings)).states.model,
    "--trust-hub takes what the Hub describes",
  );
  assert.is(hub.seen.filter(({ server }) => server === "cdn").length, 0);
  // The way out holds for weak pins alone, and what was recorded by it stays accepted.
  const trusting = { ...settings, trustHub: true };
  assert.match((await fetchNow([model(commit, wrong)], trusting)).states.model, /^changed/);
  assert.equal((await fetchNow([model(commit, weak)], trusting)).states, {
    "model.safetensors": "downloaded",
  });
  assert.equal((await fetchNow([model(commit, weak)], settings)).states, { "model.safetensors": "verified" });
});

test("a file damaged on the disk is put aside, never deleted, and comes anew; offline it is an error", async () => {
  const settings = await freshSettings(hub);
  await fetchNow([model(commit, pinned)], settings);
  const path = blob(settings.hubCache, sha256Of(weights));
  await truncate(path, 1234);
  const offline = await fetchNow([model(commit, pinned)], { ...settings, offline: true });
  assert.match(
    offline.states["model.safetensors"],
    /^corrupt: .*is not what it should be: size 1234, expected 300000; run the same command without --offline/,
  );
  const { states, notes } = await fetchNow([model(commit, pinned)], settings);
  assert.equal(states, { "model.safetensors": "downloaded" });
  assert.match(notes[0], /moved to \S+\.damaged-1, fetched anew/);
  assert.is((await stat(`${path}.damaged-1`)).size, 1234);
  assert.is((await stat(path)).size, weights.length);
});

test("offline: what is absent is named with the way to get it, and no server is asked", async () => {
  const settings = await freshSettings(hub, { offline: true });
  const { states } = await fetchNow([model(commit, pinned), original()], settings);
  assert.match(
    states["model.safetensors"],
    /^offline: .*not on this machine, and --offline \(or HF_HUB_OFFLINE\) forbids to ask http/,
  );
  assert.match(states["squad/train.json"], /^offline: /);
  assert.match(
    (await fetchNow([model("main")], settings)).states.model,
    /^offline: .*which commit "main" of org\/model is was never asked/,
  );
  assert.is(hub.seen.length, 0);
});

test("a full disk: the partial file stays and the message says what is still to come", async () => {
  if (process.platform !== "linux") return;
  const settings = await freshSettings(hub, { jobs: 1 });
  const partial = partialOf(join(settings.cache, "data", "squad", "train.json"));
  await mkdir(dirname(partial), { recursive: true });
  await symlink("/dev/full", partial);
  const two: FileSet = {
    ...original(),
    files: [...original().files!, {
      path: "squad/dev.json",
      urls: ["https://data.example/v1/dev.json"],
      evidence: "none",
    }],
  };
  const { states } = await fetchNow([two], settings);
  assert.match(
    states["squad/train.json"],
    /^disk: .*no space left to write \S+ \(ENOSPC\), 200 kB are still to come; free some space/,
  );
  // What would fail in the same way is not asked for.
  assert.is(states["squad/dev.json"], states["squad/train.json"]);
});

test("no permission to write: named with the folder and the variables that choose another", async () => {
  const settings = await freshSettings(hub);
  await mkdir(dirname(settings.cache), { recursive: true });
  await writeFile(settings.cache, "a file where a folder is wanted");
  const { states } = await fetchNow([original()], {
    ...settings,
    lockPath: join(settings.hubCache, "lock.json"),
  });
  assert.match(states["squad/train.json"], /^disk: .*cannot write in .*HF_HUB_CACHE and REPRO_CACHE/);
});

test("a lock file that is damaged is not overwritten", async () => {
  const settings = await freshSettings(hub);
  await mkdir(settings.cache, { recursive: true });
  await writeFile(settings.lockPath, '{"format": 1, "files": {');
  const error = await fetchNow([original()], settings).then(() => null, (thrown) => thrown as Error);
  assert.match(error!.message, /fetch\.lock\.json: not valid JSON .*restore it, or move it away/);
  assert.is(await readFile(settings.lockPath, "utf8"), '{"format": 1, "files": {');
});

test("two fetches at once: one downloads, the other waits and verifies", async () => {
  const settings = await freshSettings(hub);
  hub.fail({ where: "Signature", slow: 5, times: 1 });
  const both = await Promise.all([1, 2].map(() => fetchNow([model(commit, pinned)], settings)));
  assert.equal(both.map(({ states }) => states["model.safetensors"]).sort(), ["downloaded", "verified"]);
  assert.match(
    both.flatMap(({ notes }) => notes).join("\n"),
    /model\.safetensors: process \d+ on \S+ downloads it; waiting/,
  );
  assert.is(hub.seen.filter(({ server }) => server === "cdn").length, 1);
});

test("several downloads run side by side, and all are recorded", async () => {
  const settings = await freshSettings(hub, { jobs: 6 });
  const names = Array.from({ length: 12 }, (_, i) => `part-${i}`);
  for (const [i, name] of names.entries()) hub.originals.set(`data.example/${name}`, noise(1000 + i));
  hub.fail({ where: "part-", slow: 5 });
  const set: FileSet = {
    ...original(),
    files: names.map((path) => ({
      path,
      urls: [`https://data.example/${path}`],
      bytes: 1000 + Number(path.slice(5)),
      evidence: "none",
    })),
  };
  const started = performance.now();
  const { states } = await fetchNow([set], settings);
  const seconds = (performance.now() - started) / 1000;
  assert.equal(new Set(Object.values(states)), new Set(["downloaded"]));
  // Each takes a fifth of a second at least; one after another they would take 12 of them.
  assert.ok(seconds < 12 * 0.2, `${seconds}`);
  assert.is(Object.keys((await readLockFile(settings.lockPath)).files).length, 12);
});

test("the second address is tried where the first has no such file", async () => {
  const settings = await freshSettings(hub);
  const urls = ["https://data.example/gone.json", "https://data.example/v1/train.json"];
  const { states } = await fetchNow([original({ urls })], settings);
  assert.equal(states, { "squad/train.json": "downloaded" });
});

test("a mirror that only serves files is asked file by file", async () => {
  const settings = await freshSettings(hub);
  hub.fail({ where: "paths-info", method: "POST", status: 404 });
  const { states } = await fetchNow([model(commit, "config.json", "model.safetensors")], settings);
  assert.equal(states, { "config.json": "downloaded", "model.safetensors": "downloaded" });
  assert.ok((await lstat(blob(settings.hubCache, sha256Of(weights)))).isFile());
  assert.ok((await lstat(blob(settings.hubCache, gitSha1Of(config)))).isFile());
});

test("names of models, and what of a repository a model is", () => {
  assert.equal(parseHubId("org/name"), { name: "org/name", revision: null });
  assert.equal(parseHubId("org/name@v1.0"), { name: "org/name", revision: "v1.0" });
  for (const text of ["mbert", "../up", "a/b/c", "/abs/path", "org/na me", "org/.."]) {
    assert.is(parseHubId(text), null, text);
  }
  assert.equal(
    modelFiles([
      "config.json",
      "pytorch_model.bin",
      "vocab.txt",
      "spm.model",
      "tf_model.h5",
      "onnx/model.onnx",
    ]),
    ["config.json", "pytorch_model.bin", "vocab.txt", "spm.model"],
  );
  const shards = [
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
  ];
  assert.equal(modelFiles([...shards, "pytorch_model.bin"]), shards);
});

test("redirects in a circle, and from https to http, are refused by name", async () => {
  const settings = await freshSettings(hub);
  hub.fail({ where: "config.json", status: 302, headers: { location: "/org/model/config.json" } });
  hub.fail({
    where: "config.json",
    method: "HEAD",
    status: 302,
    headers: { location: "/org/model/config.json" },
  });
  const { states } = await fetchNow([model(commit, "config.json")], settings);
  assert.match(
    states["config.json"],
    /^redirect: .*: more than 10 redirects from http\S+; the server sends us in a circle; try later/,
  );
  const own = globalThis.fetch, asked: string[] = [];
  globalThis.fetch = (address) => {
    asked.push(String(address));
    const headers = { location: "http://hub.example/plain?Signature=s3cret" };
    return Promise.resolve(new Response(null, { status: 302, headers }));
  };
  try {
    const client = { ...settings, endpoint: "https://hub.example", token, silent: new Set<string>() };
    const error = await ask({ what: "a file", url: "https://hub.example/file" }, client).then(
      () => null,
      (thrown) => thrown,
    );
    assert.match(
      error?.message ?? "followed",
      /https:\/\/hub\.example\/file redirects to http:\/\/hub\.example\/plain\?…, which is not encrypted; check HF_ENDPOINT/,
    );
    assert.equal(asked, ["https://hub.example/file"]);
  } finally {
    globalThis.fetch = own;
  }
});

test("the variables of huggingface_hub: offline, and the token by either name or in a file of one's choice", async () => {
  const names = [
    ...["HF_HUB_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HOME"],
    "HF_HUB_DISABLE_IMPLICIT_TOKEN",
  ];
  const before = new Map(names.map((name) => [name, process.env[name]]));
  const folder = dirname((await freshSettings(hub)).cache);
  await writeFile(join(folder, "mine"), "hf_in_a_file\n");
  const settingsWith = async (env: Record<string, string>) => {
    for (const name of names) delete process.env[name];
    Object.assign(process.env, { HF_HOME: folder, ...env });
    const { offline, token } = await fetchSettings();
    return { offline, token };
  };
  try {
    assert.equal(await settingsWith({}), { offline: false, token: null });
    for (const value of ["1", "ON", "yes", "True"]) {
      assert.ok((await settingsWith({ HF_HUB_OFFLINE: value })).offline);
    }
    for (const value of ["0", "off"]) assert.not((await settingsWith({ HF_HUB_OFFLINE: value })).offline);
    const path = { HF_TOKEN_PATH: join(folder, "mine") };
    assert.is((await settingsWith(path)).token, "hf_in_a_file");
    assert.is((await settingsWith({ ...path, HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).token, null);
    assert.is((await settingsWith({ ...path, HUGGING_FACE_HUB_TOKEN: " hf_older " })).token, "hf_older");
    assert.is(
      (await settingsWith({ ...path, HUGGING_FACE_HUB_TOKEN: "hf_older", HF_TOKEN: "hf_newer" })).token,
      "hf_newer",
    );
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test.run();
