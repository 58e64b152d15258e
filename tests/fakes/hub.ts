// Promises a stand-in on loopback for the Hub (revisions, trees, paths-info, resolve with ETag, X-Repo-Commit, X-Linked-Size,
// X-Linked-ETag, LFS redirects to another port, Range, 206, 416), for its CDN and for the hosts of original files, each of
// which misbehaves on demand. Leaves what is asked of it to the tests.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeFile {
  bytes: Uint8Array;
  /** Under LFS: named by SHA-256 and served by the CDN. */
  lfs?: boolean;
}

export interface FakeRepo {
  type: "model" | "dataset";
  name: string;
  /** Commit of main; further branches by name. */
  commit: string;
  branches?: Record<string, string>;
  files: Record<string, FakeFile>;
  gated?: boolean;
}

/** What a server does in place of the right thing, to requests whose address holds `where`. */
export interface Fault {
  where: string;
  /** GET unless told. */
  method?: string;
  /** So often; for ever when absent. */
  times?: number;
  status?: number;
  headers?: Record<string, string>;
  /** A page of this title. */
  html?: string;
  /** Leaves the content type out, as a careless server would. */
  untyped?: boolean;
  /** Ends the connection after so many bytes of the body. */
  cutAfter?: number;
  /** Sends so many bytes, then nothing for ever. */
  stallAfter?: number;
  /** Changes a byte. */
  corrupt?: boolean;
  /** Ignores Range. */
  noRange?: boolean;
  /** Answers for this commit. */
  commit?: string;
  /** Pause between pieces of the body, in ms. */
  slow?: number;
  /** Never answers. */
  silent?: boolean;
}

export interface Seen {
  server: "hub" | "cdn" | "mirror";
  method: string;
  path: string;
  range: string | null;
  authorization: string | null;
  status: number;
}

export interface FakeHub {
  /** For HF_ENDPOINT. */
  endpoint: string;
  /** For REPRO_MIRROR. */
  mirror: string;
  seen: Seen[];
  /** Files of original addresses: "host/path" → content. */
  originals: Map<string, Uint8Array>;
  repos: FakeRepo[];
  fail(fault: Fault): void;
  /** All is well again. */
  mend(): void;
  close(): Promise<void>;
}

export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
export const gitSha1Of = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<[Server, string]> {
  const server = createServer(handler);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
}

function body(request: IncomingMessage): Promise<string> {
  return new Promise((done) => {
    let text = "";
    request.on("data", (piece) => text += piece);
    request.on("end", () => done(text));
  });
}

export async function fakeHub(repos: FakeRepo[] = [], token: string | null = null): Promise<FakeHub> {
  const faults: Fault[] = [];
  const seen: Seen[] = [];
  const originals = new Map<string, Uint8Array>();
  const waiting = new Set<ServerResponse>();

  const take = (request: IncomingMessage): Fault | null => {
    const fault = faults.find(({ where, method = "GET", times }) =>
      (times === undefined || times > 0) && request.url!.includes(where) && request.method === method
    );
    if (fault?.times !== undefined) fault.times--;
    return fault ?? null;
  };

  const note = (server: Seen["server"], request: IncomingMessage, status: number) =>
    seen.push({
      server,
      method: request.method!,
      path: request.url!,
      range: request.headers.range ?? null,
      authorization: request.headers.authorization ?? null,
      status,
    });

  function refuse(
    server: Seen["server"],
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    headers: Record<string, string> = {},
  ) {
    note(server, request, status);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(
      request.method === "HEAD" ? undefined : JSON.stringify({ error: headers["x-error-message"] ?? "no" }),
    );
  }

  /** Faults that stand in for the whole answer; true when there was one. */
  function misbehave(
    server: Seen["server"],
    fault: Fault | null,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    if (fault?.silent) {
      note(server, request, 0);
      waiting.add(response);
      return true;
    }
    if (fault?.html !== undefined) {
      note(server, request, 200);
      response.writeHead(200, fault.untyped ? {} : { "content-type": "text/html; charset=utf-8" });
      response.end(
        `<!DOCTYPE html>\n<html><head><title>${fault.html}</title></head><body>log in</body></html>`,
      );
      return true;
    }
    if (fault?.status !== undefined) {
      refuse(server, request, response, fault.status, fault.headers);
      return true;
    }
    return false;
  }

  /** Sends content as a good server does, Range included, or as the fault says. */
  function send(
    server: Seen["server"],
    fault: Fault | null,
    request: IncomingMessage,
    response: ServerResponse,
    content: Uint8Array,
    headers: Record<string, string>,
  ) {
    let bytes = content;
    if (fault?.corrupt) {
      bytes = bytes.slice();
      bytes[bytes.length >> 1] ^= 255;
    }
    const range = fault?.noRange ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    let status = 200;
    let from = 0;
    if (range) {
      from = Number(range[1]);
      if (from >= bytes.length) {
        note(server, request, 416);
        response.writeHead(416, { "content-range": `bytes */${bytes.length}` });
        response.end();
        return;
      }
      status = 206;
      const to = range[2] === "" ? bytes.length - 1 : Math.min(Number(range[2]), bytes.length - 1);
      headers = { ...headers, "content-range": `bytes ${from}-${to}/${content.length}` };
      bytes = bytes.subarray(from, to + 1);
    }
    note(server, request, status);
    response.writeHead(status, {
      "content-type": "application/octet-stream",
      "accept-ranges": "bytes",
      "content-length": String(bytes.length),
      ...headers,
    });
    if (request.method === "HEAD") return void response.end();
    const cut = fault?.cutAfter ?? fault?.stallAfter;
    if (cut !== undefined) {
      response.write(bytes.subarray(0, cut), () => {
        if (fault!.stallAfter !== undefined) waiting.add(response);
        else setTimeout(() => response.destroy(), 20);
      });
      return;
    }
    if (fault?.slow !== undefined) {
      let at = 0;
      const piece = Math.ceil(bytes.length / 40);
      const timer = setInterval(() => {
        if (at >= bytes.length || response.destroyed) {
          clearInterval(timer);
          response.end();
          return;
        }
        response.write(bytes.subarray(at, at += piece));
      }, fault.slow);
      return;
    }
    response.end(bytes);
  }

  const cdnFiles = new Map<string, Uint8Array>();
  const [cdn, cdnBase] = await listen((request, response) => {
    const fault = take(request);
    if (misbehave("cdn", fault, request, response)) return;
    const url = new URL(request.url!, "http://cdn");
    // As object stores do: a signed address and a login at once is an error.
    if (request.headers.authorization !== undefined) return refuse("cdn", request, response, 400);
    const bytes = cdnFiles.get(url.pathname.slice(1));
    if (bytes === undefined || url.searchParams.get("Signature") !== "s3cret") {
      return refuse("cdn", request, response, 403);
    }
    send("cdn", fault, request, response, bytes, { etag: '"of-the-cdn"' });
  });

  const commitOf = (repo: FakeRepo, revision: string) =>
    revision === repo.commit || Object.values(repo.branches ?? {}).includes(revision)
      ? revision
      : revision === "main" || revision === "HEAD"
      ? repo.commit
      : repo.branches?.[revision];

  const [hub, endpoint] = await listen(async (request, response) => {
    const fault = take(request);
    if (misbehave("hub", fault, request, response)) return;
    const url = new URL(request.url!, "http://hub");
    const path = decodeURIComponent(url.pathname);
    const api = /^\/api\/(model|dataset)s\/([^/]+\/[^/]+)\/(revision|tree|paths-info)\/(.+)$/.exec(path);
    const file = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/(refs\/convert\/parquet|[^/]+)\/(.+)$/.exec(path);
    const cached = /^\/api\/resolve-cache\/(model|dataset)s\/([^/]+\/[^/]+)\/([^/]+)\/(.+)$/.exec(path);
    const type = api?.[1] ?? cached?.[1] ?? (file?.[1] ? "dataset" : "model");
    const name = api?.[2] ?? cached?.[2] ?? file?.[2];
    const repo = repos.find((each) => each.type === type && each.name === name);
    if (token !== null && (request.headers.authorization ?? `Bearer ${token}`) !== `Bearer ${token}`) {
      return refuse("hub", request, response, 401, {
        "x-error-message": "Invalid credentials in Authorization header",
      });
    }
    if (repo === undefined) {
      return refuse("hub", request, response, 401, {
        "x-error-code": "RepoNotFound",
        "x-error-message": "Repository not found",
      });
    }
    // Behind the revision of a tree comes the folder that is listed.
    const tree = api?.[3] === "tree" ? /^[^/]+\/(.+)$/.exec(api[4]) : null;
    const asked = tree === null ? api?.[4] : api![4].split("/")[0];
    const commit = commitOf(repo, asked ?? cached?.[3] ?? file![3]);
    if (commit === undefined) {
      return refuse("hub", request, response, 404, {
        "x-error-code": "RevisionNotFound",
        "x-error-message": `Invalid rev id: ${api?.[4] ?? file?.[3]}`,
      });
    }
    const entry = (path: string) => {
      const { bytes, lfs } = repo.files[path];
      return {
        type: "file",
        path,
        size: bytes.length,
        oid: gitSha1Of(bytes),
        ...(lfs ? { lfs: { oid: sha256Of(bytes), size: bytes.length, pointerSize: 134 } } : {}),
      };
    };
    const json = (value: unknown) => {
      note("hub", request, 200);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    if (api) {
      if (api[3] === "revision") {
        return json({ _id: "1", id: repo.name, sha: commit, siblings: [], gated: repo.gated ?? false });
      }
      if (api[3] === "tree") {
        const folder = tree === null ? "" : `${tree[1]}/`;
        return json(Object.keys(repo.files).filter((each) => each.startsWith(folder)).map(entry));
      }
      const { paths } = JSON.parse(await body(request)) as { paths: string[] };
      return json(paths.filter((path) => path in repo.files).map(entry));
    }
    if (repo.gated && request.headers.authorization === undefined) {
      return refuse("hub", request, response, 401, {
        "x-error-code": "GatedRepo",
        "x-error-message":
          `Access to model ${repo.name} is restricted. You must be authenticated to access it.`,
      });
    }
    const wanted = cached?.[4] ?? file![4];
    const found = repo.files[wanted];
    if (found === undefined) {
      return refuse("hub", request, response, 404, {
        "x-error-code": "EntryNotFound",
        "x-error-message": "Entry not found",
      });
    }
    const { bytes, lfs } = found;
    const headers = { "x-repo-commit": fault?.commit ?? commit };
    if (lfs) {
      const digest = sha256Of(bytes);
      cdnFiles.set(digest, bytes);
      note("hub", request, 302);
      response.writeHead(302, {
        ...headers,
        "x-linked-etag": `"${digest}"`,
        "x-linked-size": String(bytes.length),
        location: `${cdnBase}/${digest}?Signature=s3cret&name=${encodeURIComponent(wanted)}`,
      });
      response.end();
      return;
    }
    if (!cached) {
      // Small files are served by a cache on the same host, named by a relative address.
      note("hub", request, 307);
      response.writeHead(307, {
        ...headers,
        etag: `"${gitSha1Of(bytes)}"`,
        "x-linked-size": String(bytes.length),
        location: `/api/resolve-cache/${type}s/${repo.name}/${commit}/${encodeURIComponent(wanted)}`,
      });
      response.end();
      return;
    }
    send("hub", fault, request, response, bytes, { ...headers, etag: `"${gitSha1Of(bytes)}"` });
  });

  const [mirror, mirrorBase] = await listen((request, response) => {
    const fault = take(request);
    if (misbehave("mirror", fault, request, response)) return;
    const bytes = originals.get(decodeURIComponent(new URL(request.url!, "http://mirror").pathname).slice(1));
    if (bytes === undefined) return refuse("mirror", request, response, 404);
    send("mirror", fault, request, response, bytes, {});
  });

  return {
    endpoint,
    mirror: mirrorBase,
    seen,
    originals,
    repos,
    fail: (fault) => void faults.push({ ...fault }),
    mend: () => void faults.splice(0),
    async close() {
      for (const response of waiting) response.destroy();
      await Promise.all([hub, cdn, mirror].map((server) =>
        new Promise<void>((done) => {
          server.close(() => done());
          server.closeAllConnections?.();
        })
      ));
    },
  };
}
