// What a person types: exit codes, messages that name what is valid, one JSON object on standard output and nothing else.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { specFrom } from "../../cli/commands/run-spec.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { runId } from "../../repro/spec/mod.ts";
import { executeRun as executeReally } from "../../repro/training/execute.ts";
import { exportRun } from "../../repro/training/export.ts";
import { randomEncoder } from "../fakes/encoders.ts";
import { executeRun } from "../fakes/execute.ts";
import { spec } from "../fakes/specs.ts";

const test = suite("command line");
const root = fileURLToPath(new URL("../../", import.meta.url));
const command = "deno" in process.versions
  ? [process.execPath, "run", "-A", "--no-check", join(root, "cli/main.ts")]
  : [process.execPath, join(root, "cli/repro.mjs")];

const repro = (...words: string[]) => reproWith({}, ...words);

function reproWith(
  env: Record<string, string>,
  ...words: string[]
): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) => {
    const child = spawn(command[0], [...command.slice(1), ...words], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1", ...env },
    });
    let out = "", err = "";
    child.stdout.on("data", (data) => out += data);
    child.stderr.on("data", (data) => err += data);
    child.on("close", (code) => done({ code: code ?? -1, out, err }));
  });
}

test("a slow reader gets the whole output, and one that leaves is no error", async () => {
  const start = () => {
    const child = spawn(command[0], [...command.slice(1), "claims", "--json"], { cwd: root });
    let err = "";
    child.stderr.on("data", (data) => err += data);
    const gone = new Promise<string>((done) => child.on("close", () => done(err)));
    return { child, gone, readable: new Promise<unknown>((done) => child.stdout.once("readable", done)) };
  };
  const slow = start();
  await slow.readable;
  await new Promise((done) => setTimeout(done, 500));
  let out = "";
  slow.child.stdout.on("data", (data) => out += data);
  await slow.gone;
  assert.ok(out.length > 200_000, `${out.length}: more than two pipes hold`);
  assert.ok(JSON.parse(out).claims.length > 30);

  const leaving = start();
  await leaving.readable;
  leaving.child.stdout.destroy();
  assert.is(await leaving.gone, "");
});

test("help, version and list", async () => {
  const help = await repro("--help");
  assert.is(help.code, 0);
  for (
    const name of [
      ...[
        "table1",
        "table2",
        "table18",
        "all",
        "plan",
        "run",
        "evaluate",
        "status",
        "score",
        "doctor",
        "pretrain",
      ],
      ...["selftest", "tune", "audit", "claims", "report", "export", "figure1", "figure6"],
    ]
  ) {
    assert.match(help.out, name);
  }
  assert.match((await repro("--version")).out, /^repro \d+\.\d+\.\d+/);
  assert.match((await repro("list", "table1")).out, "mlqa/lowest/em");
});

test("figure: four files, the data also on standard output, gaps without runs", async () => {
  const folder = await mkdtemp(join(tmpdir(), "repro-figure-"));
  const { code, out } = await repro(
    ...["figure1", "--draw", "--json", "--out", folder, "--store", join(folder, "runs")],
  );
  assert.is(code, 0);
  const { missing, records } = JSON.parse(out);
  assert.equal(missing, ["missing: mbert xnli fun (seed 1)"]);
  assert.is(records.length, 24);
  assert.equal(JSON.parse(await readFile(join(folder, "figure1.json"), "utf8")).records, records);
  assert.match(await readFile(join(folder, "figure1.csv"), "utf8"), "gu,12,10,23");
  assert.match(await readFile(join(folder, "figure1.svg"), "utf8"), "gap: no finished run");
  assert.equal(
    [...(await readFile(join(folder, "figure1.png"))).subarray(1, 4)],
    [..."PNG"].map((c) => c.charCodeAt(0)),
  );
  assert.match((await repro("figure1", "--rows", "mbert")).err, "unknown option --rows");
});

test("targets without runs take --draw and --store as all others do, and say in their help what these do there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "repro-without-"));
  const { code, out } = await repro("table6", "--draw", "--store", folder, "--format", "csv");
  assert.is(code, 0);
  assert.match(out, /^row,column,ours/);
  const help = await repro("figure6", "--help");
  assert.match(help.out, /--draw +taken as everywhere; changes nothing: no runs are made here/);
  assert.match(help.out, /--store <folder> +taken as everywhere; changes nothing: no run is read here/);
});

test("audit: one JSON object, exit code 1 with a contradiction and 0 without one", async () => {
  const all = await repro("audit", "--json");
  assert.is(all.code, 1);
  const report = JSON.parse(all.out);
  assert.ok(report.count.contradiction > 10);
  const [{ findings }] = report.rules.filter(({ rule }: { rule: string }) => rule === "averages");
  assert.equal(findings[0].places[0], {
    table: "table8",
    row: "xlmr/standard",
    column: "mlqa/average/f1",
    line: 471,
  });
  const one = await repro("audit", "--rules", "repeats,power");
  assert.is(one.code, 0);
  assert.match(one.out, /repeats: .*\n {2}\d+ pairs of cells, nothing found/);
});

test("claims: each on the paper's numbers and on the stored runs", async () => {
  const { code, out } = await repro("claims", "--only", "gain-mbert-average,training-sizes", "--json");
  assert.is(code, 0);
  const { claims, note } = JSON.parse(out);
  assert.match(note, "neither confirm nor refute");
  assert.match(note, "nothing is corrected for the number of cases or claims");
  assert.equal(claims.map(({ id }: { id: string }) => id), ["gain-mbert-average", "training-sizes"]);
  assert.equal(Object.keys(claims[0].outcomes), ["paper", "stored tiny runs"]);
  assert.equal(Object.keys(claims[1].outcomes), ["paper"]);
});

for (
  const [words, message] of [
    [
      ["tabel1"],
      /unknown command "tabel1"; choose table1, table2, .*table18, figure1, .*figure6, all, run, /,
    ],
    [["table1", "--scale", "huge"], /unknown scale "huge"; choose tiny, low-data, paper/],
    [["table1", "--rows", "bert"], /unknown row "bert"; choose from mbert\/standard/],
    [["table1", "--columns", "xquad/worst"], /unknown column "xquad\/worst"; choose from mlqa\/en\/f1/],
    [["table1", "--backend", "cuda"], /unknown backend "cuda"; choose auto, wasm, webgpu, reference/],
    [["table1", "--fidelity", "mine"], /unknown fidelity "mine"; choose paper, authors-code/],
    [["table1", "--seeds", "01"], /--seeds 01: a whole number from 1 is needed/],
    [["table1", "--sedes", "1"], /unknown option --sedes; the options are --scale/],
    [["table1", "--seeds"], /--seeds <seeds> needs a value/],
    [["table1", "twice"], /"twice" is one word too many/],
    [["table1", "--data-root", "nowhere"], /--data-root nowhere: no such folder/],
    [["table1", "--format", "pdf"], /unknown format "pdf"; choose text, svg, markdown, latex, json, csv/],
    [["table1", "--json", "--markdown"], /choose one of --format json and --format markdown/],
    [["table9", "--until-decided"], /--until-decided needs a budget: --max-runs N or --max-hours N/],
    [["plan"], /plan: which tables\? all, or table1,table8/],
    [["plan", "table4"], /plan table4: no run is needed: table4 from .*; draw it: repro table4/],
    [["plan", "table99"], /unknown target "table99"; choose all, table1, table2/],
    [["reference", "table3"], /unknown table "table3"; choose table1, table2, table7/],
    [["score", "bleu"], /unknown kind of score "bleu"; choose squad, mlqa, accuracy/],
    [["score", "squad"], /--references FILE is needed/],
    [["run", "--task", "pos"], /unknown task "pos"; choose squad, xnli, copa, mlm/],
    [
      ["run", "--method", "gradual"],
      /unknown method "gradual"; choose standard, gu, .*schedule-9, schedule-rev/,
    ],
    [["run", "--adapter", "houlsby"], /unknown adapter "houlsby"; choose mad-x, lora, full/],
    [["run", "--task", "mlm"], /--task mlm trains an adapter for one language: give --language/],
    [["run", "--precision", "f16", "--backend", "wasm"], /half precision needs backend webgpu/],
    [["run", "--fidelity", "paper,gu"], /"gu" is no item; write item=paper or item=authors-code/],
    [
      ["run", "--encoder", "distilbert"],
      /no such encoder: distilbert; give .* or xlmr, mbert, .*distilmbert/,
    ],
    [
      ["run", "--scale", "paper", "--training-size", "300", "--backend", "wasm"],
      /training size 300 is not printed; choose 1000, 5000, 10000/,
    ],
    [["run", "--data-root", "nowhere"], /--data-root nowhere: no such folder/],
    [["evaluate", "--adapter", "x"], /which task is it for\? --task squad, xnli, copa/],
    [["evaluate"], /which run\? its id \(repro status lists them\) or its folder/],
    [["evaluate", "ffff"], /no run "ffff" in/],
    [["selftest"], /--mutants/],
    [["audit", "--rules", "mean"], /unknown rule "mean"; choose averages, repeats/],
    [["claims", "--only", "all"], /unknown claim "all"; choose from gain-average/],
    [["tune", "--encoder", "huge"], /unknown encoder "huge"; choose tiny, small, base/],
    [["tune", "--rows", "0"], /--rows 0: a whole number from 1 is needed/],
    [["pretrain", "bert"], /unknown encoder "bert"; choose mbert, xlmr/],
  ] as const
) {
  test(`repro ${words.join(" ")} is refused with what is valid, exit code 2`, async () => {
    const { code, out, err } = await repro(...words);
    assert.is(code, 2, err);
    assert.is(out, "");
    assert.match(err, message);
  });
}

test("another folder of papers has other commands, with nothing told to the program", async () => {
  const env = {
    REPRO_PAPERS: join(root, "tests/fixtures/papers"),
    REPRO_STORE: await mkdtemp(join(tmpdir(), "repro-cli-")),
  };
  const drawn = await reproWith(env, "table1", "--draw", "--rows", "lamp", "--seeds", "2");
  assert.is(drawn.code, 1, drawn.err);
  for (const word of ["Moths at the Lamp", "Lamp all+Up", "4 runs would fill the gaps"]) {
    assert.match(drawn.out, word);
  }
  const none = await reproWith(env, "table7");
  assert.is(none.code, 2);
  assert.match(none.err, /unknown command "table7"; choose table1, table2, figure1, all, /);
});

test("what is said of a saved plan is what can be done with it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "repro-plan-"));
  const env = { ...process.env, HF_HUB_CACHE: folder, REPRO_CACHE: folder };
  const save = async (...words: string[]) => {
    const { code, out, err } = await reproWith(
      env,
      ...["plan", "figure1", "--no-probe", "--store", folder, "--save", join(folder, "plan.json"), ...words],
    );
    assert.is(code, 0, err);
    return out;
  };
  assert.match(await save("--jobs", "999"), /saved; to make the runs: repro run --plan .*plan\.json\n$/);
  // More processes than cores would take as long.
  const { jobs } = JSON.parse(await readFile(join(folder, "plan.json"), "utf8"));
  assert.is(jobs, availableParallelism());
  const early = await save("--scale", "paper");
  assert.match(early, "before it can be run: model mbert is not at hand: repro fetch mbert");
  assert.match(
    early,
    /saved as provisional: repro run --plan refuses it\. Fetch .* then make the plan again\n$/,
  );
});

test("a saved plan is executed; one whose models are not at hand, or that was changed, is refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "repro-cli-"));
  const run = spec({ seed: 3 });
  const store = new RunStore(folder);
  await executeRun(run, { store, signal: new AbortController().signal, onProgress() {} });
  const plan = {
    format: 1,
    provisional: [] as string[],
    runs: [{ id: await runId(run), spec: run, unlocks: ["table1"] }],
  };
  const path = join(folder, "plan.json");
  const execute = async (text: string) => {
    await writeFile(path, text);
    return await repro("run", "--plan", path, "--store", folder);
  };
  const done = await execute(JSON.stringify(plan));
  assert.is(done.code, 0, done.err);
  assert.match(done.out, "1 of 1 runs of the plan are finished");
  const early = await execute(JSON.stringify({ ...plan, provisional: ["model mbert is not at hand"] }));
  assert.is(early.code, 1);
  assert.match(early.err, "model mbert is not at hand; these runs cannot be made");
  const changed = await execute(JSON.stringify(plan).replace('"seed":3', '"seed":4'));
  assert.is(changed.code, 1);
  assert.match(changed.err, /has a specification of run .*make it anew: repro plan --save/);
});

test("explain fidelity prints both sides, the switch and the file of each difference", async () => {
  const { code, out } = await repro("explain", "fidelity");
  assert.is(code, 0);
  assert.match(out, "gu-second-layer     schedule\n  paper    layer L−1 at the start");
  assert.match(out, "switch   fisher-label, acts in repro/training/fisher.ts");
});

test("score prints one JSON object, warnings elsewhere", async () => {
  const folder = await mkdtemp(join(tmpdir(), "repro-cli-"));
  const references = join(folder, "dev.json"), predictions = join(folder, "predictions.json");
  const qas = ["a", "b"].map((id) => ({ id, question: "who?", answers: [{ text: "Ana", answer_start: 0 }] }));
  await writeFile(
    references,
    JSON.stringify({ version: "1.1", data: [{ title: "t", paragraphs: [{ context: "Ana eats.", qas }] }] }),
  );
  await writeFile(predictions, JSON.stringify({ a: "the Ana" }));
  const { code, out, err } = await repro(
    "score",
    "squad",
    "--references",
    references,
    "--predictions",
    predictions,
    "--json",
  );
  assert.is(code, 0);
  assert.equal(JSON.parse(out).metrics, { em: 50, f1: 50 });
  assert.match(err, "1 references have no prediction");
});

test("a truncated file, an absent file and a damaged encoder are named with the remedy", async () => {
  const folder = await mkdtemp(join(tmpdir(), "repro-cli-"));
  const broken = join(folder, "broken.json");
  await writeFile(broken, '{"version": "1.1", "data": [');
  const truncated = await repro("score", "squad", "--references", broken, "--predictions", broken);
  assert.is(truncated.code, 1);
  assert.match(truncated.err, "broken.json");
  const absent = await repro("run", "--spec", join(folder, "none.json"));
  assert.is(absent.code, 1);
  assert.match(absent.err, /none\.json: no such file or folder; check the path/);

  const encoder = await randomEncoder(["en"]);
  await writeFile(join(encoder, "model.safetensors"), new Uint8Array([255, 255, 255, 255, 0, 0, 0, 0, 123]));
  const damaged = await repro(
    "table1",
    "--mbert",
    encoder,
    "--rows",
    "mbert",
    "--columns",
    "xcopa",
    "--backend",
    "wasm",
  );
  assert.is(damaged.code, 1);
  assert.match(damaged.err, /model\.safetensors: the header claims 4294967295 bytes/);
});

test("a run tells once what its checkpoint had too much and too little, keeps it, and prints peaks of memory", async () => {
  const encoder = await randomEncoder(["en"]);
  const folder = await mkdtemp(join(tmpdir(), "repro-cli-")), store = join(folder, "runs");
  const given = ["--encoder", encoder, "--task", "squad", "--adapter", "full", "--backend", "wasm"];
  const spec = JSON.parse((await repro("run", ...given, "--print")).out);
  spec.evaluate = { xquad: ["en"] };
  const settings = { steps: 2, batchSize: 4, trainingSize: 8, evaluationLimit: 4, evaluateEvery: 0 };
  Object.assign(spec.hyperparameters, settings);
  await writeFile(join(folder, "spec.json"), JSON.stringify(spec));
  const { code, out, err } = await repro("run", "--spec", join(folder, "spec.json"), "--store", store);
  assert.is(code, 0, err);
  const line =
    `model ${encoder}: not used of the checkpoint: bert.pooler.dense.{bias, weight}, classifier.{bias, weight}; ` +
    "not in it and newly initialised from the run's seed: qa_outputs.{bias, weight}\n";
  assert.is(err.split(line).length, 2, err);
  assert.match(out, /memory of training {6}\d+\.\d MiB on wasm .*; process at most \d+\.\d MiB/);
  const run = out.split("\n")[0].split(" · ").at(-1)!;
  const provenance = JSON.parse(await readFile(join(run, "provenance.json"), "utf8"));
  assert.equal(provenance.checkpoint, {
    unused: ["bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.bias", "classifier.weight"],
    initialised: ["qa_outputs.weight", "qa_outputs.bias"],
  });
});

test("evaluate --adapter: an exported run's files have the run's scores, one JSON object or a table", async () => {
  const encoder = await randomEncoder(["en", "de"]), folder = await mkdtemp(join(tmpdir(), "repro-cli-"));
  const values = {
    model: "mbert",
    task: "xnli",
    scale: "tiny",
    fidelity: "authors-code",
    backend: "wasm",
    encoder,
  };
  const run = await specFrom({ ...values, steps: "2", "training-size": "8", languages: "de" });
  const store = new RunStore(join(folder, "runs"));
  await executeReally(run, { store, signal: new AbortController().signal, onProgress() {} });
  const finished = (await store.finished(await runId(run)))!;
  const adapter = join(folder, "adapter");
  await exportRun(store, finished, adapter);
  const asked = [
    "evaluate",
    "--adapter",
    adapter,
    "--task",
    "xnli",
    "--encoder",
    encoder,
    "--backend",
    "wasm",
  ];
  const { code, out, err } = await repro(...asked, "--languages", "de", "--json");
  assert.is(code, 0, err);
  const { adapter: path, results } = JSON.parse(out);
  assert.is(path, adapter);
  assert.equal(
    results.map(({ dataset, language, metrics }: { dataset: string; language: string; metrics: unknown }) => [
      ...[dataset, language, metrics],
    ]),
    [["xnli", "de", { accuracy: finished.metrics["xnli/de/accuracy"] }]],
  );
  const all = await repro(...asked);
  assert.is(all.code, 0, all.err);
  const score = finished.metrics["xnli/de/accuracy"].toFixed(2).replace(".", "\\.");
  assert.match(
    all.out,
    new RegExp(`^adapter \\S+ for xnli on \\S+\n\nxnli +examples +accuracy\nen .*\nde +\\d+ +${score}\n`),
  );
  const both = await repro(...asked, "someRun");
  assert.is(both.code, 2);
  assert.match(both.err, /the run someRun or --adapter .*\? give one of them/);
});

test("a GPU that is not there is an error with the remedy", async () => {
  const encoder = await randomEncoder(["en"]);
  const { code, err } = await repro(
    ...[
      "table1",
      "--mbert",
      encoder,
      "--rows",
      "mbert/gu",
      "--columns",
      "xcopa",
      "--seeds",
      "1",
      "--backend",
      "webgpu",
    ],
    ...["--store", await mkdtemp(join(tmpdir(), "repro-cli-")), "--jobs", "1"],
  );
  if (code === 0) return; // This machine has one.
  assert.is(code, 1);
  assert.match(err, /webgpu|GPU/);
  assert.match(err, /--backend wasm/);
});

test.run();
