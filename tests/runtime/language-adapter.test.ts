// The README's recipe for a language whose adapter nobody publishes, from the fetch of its Wikipedia to a cell of a table, at small size
// against the stand-in Hub: every command as a person types it, and the run that was made without the language is not trained again.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { fetchSets } from "../../papers/fun-with-fisher/pins.ts";
import { randomEncoder } from "../fakes/encoders.ts";
import { fakeHub } from "../fakes/hub.ts";
import { parquetOf } from "../fakes/published.ts";

const test = suite("a language adapter of one's own");
const root = fileURLToPath(new URL("../../", import.meta.url));
const command = "deno" in process.versions
  ? [process.execPath, "run", "-A", "--no-check", join(root, "cli/main.ts")]
  : [process.execPath, join(root, "cli/repro.mjs")];

const folder = await mkdtemp(join(tmpdir(), "repro-recipe-"));
const [hubCache, cache, data, store] = ["hub", "cache", "data", "runs"].map((name) => join(folder, name));
const commit = "e".repeat(40), encoder = `org/encoder@${commit}`;
const files = await randomEncoder(["en"], { positions: 514, task: { kind: "masked-lm" } });
const fileOf = async (name: string) => ({
  bytes: new Uint8Array(await readFile(join(files, name))),
  lfs: name.endsWith(".safetensors"),
});
const [thai] = fetchSets(["wikipedia-th"], "original").get("wikipedia-th")!;
const article = (n: number) => ({
  id: String(n),
  url: "u",
  title: "t",
  text: `ana lives in quito ${n} `.repeat(80),
});
const hub = await fakeHub([
  {
    ...{ type: "model", name: "org/encoder", commit },
    files: {
      "config.json": await fileOf("config.json"),
      "tokenizer.json": await fileOf("tokenizer.json"),
      "model.safetensors": await fileOf("model.safetensors"),
    },
  },
  {
    ...{ type: "dataset", name: thai.repo!.name, commit: thai.repo!.revision },
    files: Object.fromEntries(
      thai.files!.map((
        { path },
        n,
      ) => [path, { bytes: parquetOf([article(n), article(n + 10)]), lfs: true }]),
    ),
  },
]);
test.after(() => hub.close());

async function put(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

function repro(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) => {
    const env = {
      ...{ ...process.env, NO_COLOR: "1", HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: hubCache },
      ...{ REPRO_CACHE: cache, REPRO_STORE: store },
    };
    const child = spawn(command[0], [...command.slice(1), ...words], { cwd: root, env });
    let out = "", err = "";
    child.stdout.on("data", (text) => out += text);
    child.stderr.on("data", (text) => err += text);
    child.on("close", (code) => done({ code: code ?? -1, out, err }));
  });
}

async function succeeds(...words: string[]): Promise<string> {
  const { code, out, err } = await repro(...words);
  assert.is(code, 0, `repro ${words.join(" ")}: ${err}`);
  return out;
}

/** Four questions, in the published format. */
const questions = JSON.stringify({
  version: "1.1",
  data: [{
    title: "t",
    paragraphs: [{
      context: "ana lives in quito",
      qas: [1, 2, 3, 4].map((n) => ({
        ...{ id: `q${n}`, question: "where does ana live ?" },
        answers: [{ text: "quito", answer_start: 13 }],
      })),
    }],
  }],
});

test("fetch, train, export, and a finished cell", async () => {
  for (const name of ["squad/train-v1.1", "squad/dev-v1.1", "xquad/xquad.en", "xquad/xquad.th"]) {
    await put(join(data, `${name}.json`), questions);
  }
  await put(join(data, "mlqa", "test-context-en-question-en.json"), questions);
  // As AdapterHub's would lie there.
  const adapters = join(cache, "data", "adapters", "encoder", "default");
  await put(join(adapters, "en.safetensors"), await readFile(join(files, "adapters", "en.safetensors")));

  // Named in a lock file of a project's own, and found none the less.
  await succeeds("fetch", encoder, "wikipedia-th", "--lock", join(folder, "project.lock.json"));
  const run = ["run", "--scale", "paper", "--encoder", encoder, "--backend", "wasm"];
  const squad = [...run, "--task", "squad", "--data-root", data];
  const refused = await repro(...squad, "--languages", "en,th");
  assert.is(refused.code, 1);
  assert.match(refused.err, `model ${encoder}: no language adapter for th in ${adapters}; there are en;`);
  const steps =
    /repro fetch wikipedia-th, repro (run .* --language th) --micro-batch 4, repro export RUN (\S+)/.exec(
      refused.err,
    )!;
  assert.is(steps[2], join(adapters, "th"));
  assert.equal(await readdir(store).catch(() => []), []);

  // What the languages at hand allow ends as it is.
  const first = (await succeeds(...squad, "--languages", "en")).split("\n");
  const english = first[0].split(" · ")[1];
  assert.ok(first.some((line) => line.startsWith("xquad/en/f1")));

  const small = ["--steps", "2", "--training-size", "4", "--micro-batch", "2", "--backend", "wasm"];
  const trained = await succeeds(...steps[1].split(" "), ...small);
  const adapter = trained.split("\n")[0].split(" · ")[1];
  assert.match(trained, /^text\/th\/likelihood +\d/m);
  await succeeds("export", adapter, steps[2]);
  assert.ok((await readdir(steps[2])).includes("pytorch_adapter.bin"));

  const setup = [
    ...["--scale", "paper", "--mbert", encoder, "--data-root", data, "--backend", "wasm"],
    ...["--seeds", "1", "--languages", "en,th"],
  ];
  const chosen = ["--rows", "mbert/standard", "--columns", "xquad/th/f1,xquad/ar/f1"];
  const table = await repro("table8", ...setup, ...chosen, "--json");
  const explained = await repro("explain", "table8", "mbert/standard/xquad/th/f1", ...setup);
  assert.match(explained.out, /^ {2}adapter {3}language th, SHA-256 [0-9a-f]{64}$/m, explained.err);
  const { cells, runs } = JSON.parse(table.out);
  assert.equal(runs, { finished: 1, needed: 1 }, table.err);
  const [thaiCell, arabic] = ["th", "ar"].map((code) =>
    cells.find(({ column }: { column: string }) => column === `xquad/${code}/f1`)
  );
  assert.ok(thaiCell.mean >= 0 && thaiCell.n === 1, JSON.stringify(thaiCell));
  assert.equal([arabic.mean, arabic.verdict], [null, "not comparable"]);
  assert.match(
    arabic.why,
    /^left out by --languages: ar$|^left out by --languages: ar; nobody publishes ar; train it/,
  );
  const ids = (await readdir(store)).filter((name) => /^[0-9a-f]{16}$/.test(name));
  assert.is(ids.length, 3);
  const last = ids.find((id) => ![english, adapter].some((path) => path.endsWith(id)))!;
  const { trainedBy, languageAdapters } = JSON.parse(
    await readFile(join(store, last, "provenance.json"), "utf8"),
  );
  assert.ok(english.endsWith(trainedBy), `${trainedBy} ${english}`);
  assert.equal(Object.keys(languageAdapters), ["en", "th"]);

  // One adapter more, and what is finished is what it was.
  await put(join(adapters, "de.safetensors"), await readFile(join(files, "adapters", "en.safetensors")));
  assert.match(await succeeds("evaluate", last), /stored F1/);
  await succeeds(...squad, "--languages", "en,th");
  assert.is((await readdir(store)).filter((name) => /^[0-9a-f]{16}$/.test(name)).length, 3);
});

test.run();
