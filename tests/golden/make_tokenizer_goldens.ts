// Writes everything that make_tokenizer_goldens.py compares into a folder: tokenizer files, texts, and what this project makes of them.
// It leaves the comparison, and the stored answers, to Python. From the project's root:
//
//   npx tsx tests/golden/make_tokenizer_goldens.ts FOLDER [data root]      three minutes, 1.1 GB
//   python tests/golden/make_tokenizer_goldens.py FOLDER                   rewrites tests/golden/fixtures/tokenizers.json
//
// It also compares everything with the answers stored now, so that all of it can be checked without Python.
import { mkdir, open, writeFile } from "node:fs/promises";
import process from "node:process";
import { folderSource } from "../../repro/data/source.ts";
import { openTokenizer } from "../../repro/tokenizers/open.ts";
import { edges } from "./tokenizer_edges.ts";
import { type FolderName, folders, writeFolder } from "./tokenizer_folders.ts";
import {
  digestRows,
  encodedRow,
  featureRows,
  lengths,
  readSet,
  setNames,
  storedAnswers,
} from "./tokenizer_sets.ts";

const [target, root = "../shared/data"] = process.argv.slice(2);
if (target === undefined) {
  console.error("usage: npx tsx tests/golden/make_tokenizer_goldens.ts FOLDER [data root]");
  process.exit(2);
}

const source = folderSource(root);
const names = Object.keys(folders) as FolderName[];
const stored = await storedAnswers();

/** Writes rows one after another. */
async function writeRows(path: string, rows: Int32Array[]): Promise<void> {
  const file = await open(path, "w");
  for (let at = 0; at < rows.length; at += 4096) {
    const part = rows.slice(at, at + 4096);
    const bytes = new Int32Array(part.reduce((sum, row) => sum + row.length, 0));
    let to = 0;
    for (const row of part) {
      bytes.set(row, to);
      to += row.length;
    }
    await file.write(bytes);
  }
  await file.close();
}

await mkdir(`${target}/texts`, { recursive: true });
await writeFile(`${target}/sets.json`, JSON.stringify({ sets: setNames, lengths, tokenizers: folders }));
await writeFile(`${target}/texts/edges.json`, JSON.stringify({ texts: edges, pairs: [] }));
for (const name of setNames) {
  const { kind, texts, pairs } = await readSet(source, name);
  await writeFile(`${target}/texts/${name}.json`, JSON.stringify({ kind, texts, pairs }));
}

for (const name of names) {
  const started = performance.now();
  const { tokenizer } = await openTokenizer(await writeFolder(name, root, target));
  const opened = performance.now();
  await mkdir(`${target}/ours/${name}`, { recursive: true });
  await writeRows(`${target}/ours/${name}/edges.tokens`, (await tokenizer.encode(edges)).map(encodedRow));
  let tokens = 0;
  let seconds = 0;
  const different: string[] = [];
  for (const setName of setNames) {
    const set = await readSet(source, setName);
    const before = performance.now();
    const encoded = await tokenizer.encode(set.texts);
    seconds += (performance.now() - before) / 1000;
    tokens += encoded.reduce((sum, { ids }) => sum + ids.length, 0);
    const tokenRows = encoded.map(encodedRow);
    const features = await featureRows(tokenizer, set);
    await writeRows(`${target}/ours/${name}/${setName}.tokens`, tokenRows);
    await writeRows(`${target}/ours/${name}/${setName}.features`, features);
    const answers = stored.tokenizers[name];
    if (answers?.tokens[setName][0] !== digestRows(tokenRows)) different.push(`${setName} tokens`);
    if (answers?.features[setName][0] !== digestRows(features)) different.push(`${setName} rows`);
  }
  console.log(
    `${name}: opened in ${((opened - started) / 1000).toFixed(1)} s, ${tokens} tokens at ` +
      `${Math.round(tokens / seconds / 1000)}k tokens/s; ` +
      (different.length === 0
        ? `all ${setNames.length} sets as stored`
        : `not as stored: ${different.join(", ")}`),
  );
}
