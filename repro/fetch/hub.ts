// Promises what the Hub says about a repository: the commit behind a revision, size and digest of files, what a model consists
// of. Asks through @huggingface/hub over our own requests. Leaves the files' bytes to download.ts.
import { datasetInfo, listFiles, modelInfo, pathsInfo } from "@huggingface/hub";
import { FetchError, shownUrl } from "./errors.ts";
import { isCommit } from "./hub-cache.ts";
import { ask, type Client } from "./http.ts";
import type { HubRepo } from "./wanted.ts";

/** What the Hub knows of a file before it is downloaded: files under LFS have a SHA-256, others git's blob name. */
export interface HubFile {
  path: string;
  bytes?: number;
  sha256?: string;
  gitSha1?: string;
}

const shown = (repo: HubRepo) =>
  `${repo.name}@${isCommit(repo.revision) ? repo.revision.slice(0, 8) : repo.revision}`;

/** The library's requests, made by ours: retries, token rule and messages are the same everywhere. */
function common(repo: HubRepo, client: Client) {
  const through = async (url: string | URL | globalThis.Request, init?: RequestInit) => {
    const { response } = await ask({
      what: shown(repo),
      url: String(url),
      method: init?.method,
      headers: init?.headers as Record<string, string> | undefined,
      body: init?.body as string | undefined,
    }, client);
    return response;
  };
  return { hubUrl: client.endpoint, fetch: through as typeof fetch };
}

const designation = (repo: HubRepo) => ({ type: repo.type, name: repo.name });

/** The commit behind a branch or tag. */
export async function resolveCommit(repo: HubRepo, client: Client): Promise<string> {
  if (isCommit(repo.revision)) return repo.revision;
  const asked = { name: repo.name, revision: repo.revision, ...common(repo, client) };
  const { sha } = repo.type === "model"
    ? await modelInfo({ ...asked, additionalFields: ["sha"] })
    : await datasetInfo({ ...asked, additionalFields: ["sha"] });
  if (sha === undefined || !isCommit(sha)) {
    throw new FetchError(
      "revision",
      shown(repo),
      `${client.endpoint} names no commit for it (it says ${JSON.stringify(sha)})`,
      "give the commit itself: org/name@<40 hexadecimal digits>",
    );
  }
  return sha;
}

/** Address of a file at a revision. */
export function resolveUrl(repo: HubRepo, path: string, endpoint: string): string {
  const kind = repo.type === "model" ? "" : `${repo.type}s/`;
  const file = path.split("/").map(encodeURIComponent).join("/");
  return `${endpoint}/${kind}${repo.name}/resolve/${encodeURIComponent(repo.revision)}/${file}`;
}

/** Size and digest of the named files, in one request. Throws FetchError "missing" when one is not in the repository. */
export async function describeFiles(
  repo: HubRepo,
  paths: readonly string[],
  client: Client,
): Promise<Map<string, HubFile>> {
  let entries;
  try {
    entries = await pathsInfo({
      repo: designation(repo),
      revision: repo.revision,
      paths: [...paths],
      ...common(repo, client),
    });
  } catch (error) {
    // Mirrors that only serve files have no such interface: each file is asked for itself.
    if (!(error instanceof FetchError) || !/HTTP (404|405|501)/.test(error.message)) throw error;
    if (/there is no such repository|no such revision/.test(error.message)) throw error;
    return await describeByHead(repo, paths, client);
  }
  const found = new Map<string, HubFile>(entries.map(({ path, size, oid, lfs }) => [path, {
    path,
    bytes: lfs?.size ?? size,
    ...(lfs !== undefined ? { sha256: lfs.oid } : { gitSha1: oid }),
  }]));
  const absent = paths.filter((path) => !found.has(path));
  if (absent.length > 0) {
    throw new FetchError(
      "missing",
      shown(repo),
      `it has no file ${absent.join(", ")} (asked ${client.endpoint})`,
      "check name and revision on the Hub",
    );
  }
  return found;
}

async function describeByHead(repo: HubRepo, paths: readonly string[], client: Client) {
  const found = new Map<string, HubFile>();
  for (const path of paths) {
    const url = resolveUrl(repo, path, client.endpoint);
    const { first } = await ask({ what: `${shown(repo)} ${path}`, url, method: "HEAD" }, client);
    const digest = (first.get("x-linked-etag") ?? first.get("etag") ?? "").replace(/^W\//, "").replaceAll(
      '"',
      "",
    );
    const size = first.get("x-linked-size") ?? first.get("content-length");
    found.set(path, {
      path,
      ...(size !== null && /^\d+$/.test(size) ? { bytes: Number(size) } : {}),
      ...(/^[0-9a-f]{64}$/.test(digest) ? { sha256: digest } : {}),
      ...(/^[0-9a-f]{40}$/.test(digest) ? { gitSha1: digest } : {}),
    });
  }
  return found;
}

const smallFiles =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|adapter_config|head_config)\.json$|^(vocab|merges)\.txt$|^[\w.-]+\.model$/;
const safetensors = /^(model|adapter_model|adapter)(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/;
const pickles =
  /^(pytorch_model|pytorch_adapter|pytorch_model_head|adapter_model)(-\d{5}-of-\d{5})?\.bin(\.index\.json)?$/;

/** The files that a model or an adapter consists of: configuration, tokenizer, weights (safetensors where there are any). */
export function modelFiles(paths: readonly string[]): string[] {
  const weights = paths.filter((path) => safetensors.test(path));
  return paths.filter((path) =>
    smallFiles.test(path) || (weights.length > 0 ? safetensors.test(path) : pickles.test(path))
  );
}

/** All files of a folder of a repository, in the order of their names. Throws FetchError "missing" when it has none. */
export async function listFolder(repo: HubRepo, folder: string, client: Client): Promise<string[]> {
  const paths: string[] = [];
  const asked = { repo: designation(repo), revision: repo.revision, path: folder, ...common(repo, client) };
  for await (const { type, path } of listFiles(asked)) if (type === "file") paths.push(path);
  if (paths.length > 0) return paths.sort();
  throw new FetchError(
    "missing",
    shown(repo),
    `no file in its folder ${folder} at ${shownUrl(client.endpoint)}`,
    "check name and revision on the Hub",
  );
}

/** What of a model's repository is needed. */
export async function listModel(repo: HubRepo, client: Client): Promise<string[]> {
  const paths: string[] = [];
  const listed = listFiles({ repo: designation(repo), revision: repo.revision, ...common(repo, client) });
  for await (const { type, path } of listed) if (type === "file") paths.push(path);
  const needed = modelFiles(paths);
  if (!needed.some((path) => safetensors.test(path) || pickles.test(path))) {
    throw new FetchError(
      "missing",
      shown(repo),
      `no weights among its ${paths.length} files (${paths.slice(0, 8).join(", ")}) at ${
        shownUrl(client.endpoint)
      }`,
      "name a repository with model.safetensors or pytorch_model.bin",
    );
  }
  return needed;
}
