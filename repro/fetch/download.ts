// Promises the bytes of one file in a partial file beside its place, complete and equal to every digest known, or a FetchError
// that says what came instead; a partial file is gone on with. Leaves its place, locks and records to fetch.ts.
import { digestFile, type Digests, openAppend, sizeOrNull } from "../disk.ts";
import { dirname, errorCode, makeFolder, remove } from "../runtime.ts";
import { bytesText, FetchError, inShort, shownUrl } from "./errors.ts";
import { type Answer, ask, type Client, networkError, Patience } from "./http.ts";

/** What is known of a file beforehand, and who said so. */
export interface Expectation {
  bytes?: number;
  sha256?: string;
  gitSha1?: string;
  /** "lock": an earlier download. */
  by: "pin" | "lock" | "hub" | "nothing";
  /** A pin that one source supports, or none. */
  weak?: boolean;
}

export interface Download {
  /** For messages. */
  what: string;
  /** Best first; the next is tried where one has no such file or does not answer. */
  urls: readonly string[];
  partial: string;
  expect: Expectation;
  /** Commit that the Hub must answer for. */
  commit?: string;
  /** Called with the bytes that are there, whenever they change. */
  onBytes?(have: number): void;
}

const sayer = {
  pin: "the pinned one",
  lock: "the one recorded at the first download",
  hub: "the one that the Hub describes",
  nothing: "",
};

function differs(job: Download, what: string, expected: string | number, got: string | number, from: string) {
  const { by, weak } = job.expect;
  return by === "lock"
    ? new FetchError(
      "changed",
      job.what,
      `${from} no longer gives ${sayer[by]}: ${what} ${got}, recorded was ${expected}`,
      "find out why it changed; only to accept the new file, remove its entry from the lock file",
    )
    : new FetchError(
      "corrupt",
      job.what,
      `what ${from} gives is not ${sayer[by]}: ${what} ${got}, expected ${expected}`,
      by === "pin" && weak && job.commit !== undefined
        ? "nothing was kept of it; this pin has one source only: --trust-hub takes what the Hub describes at this commit"
        : "nothing was kept of it; run the same command again, or from another network or mirror",
    );
}

/** The difference between a file and what was expected of it; null when there is none. */
export function difference(
  digests: Digests,
  expect: Expectation,
): [string, string | number, string | number] | null {
  for (const [name, key] of [["size", "bytes"], ["SHA-256", "sha256"], ["git blob", "gitSha1"]] as const) {
    if (expect[key] !== undefined && expect[key] !== digests[key]) return [name, expect[key], digests[key]];
  }
  return null;
}

/** Downloads into the partial file. Throws FetchError; the partial file stays wherever going on with it makes sense. */
export async function download(job: Download, client: Client): Promise<Digests> {
  let firstError: unknown;
  for (const url of job.urls) {
    try {
      return await downloadFrom(url, job, client);
    } catch (error) {
      const other = error instanceof FetchError &&
        ["missing", "gated", "network", "server"].includes(error.fault);
      if (!other) throw error;
      firstError ??= error;
    }
  }
  throw firstError;
}

async function downloadFrom(url: string, job: Download, client: Client): Promise<Digests> {
  const { partial, expect } = job;
  const patience = new Patience(client, url);
  let startedAt = 0;
  for (let anew = 0;;) {
    let have = await sizeOrNull(partial) ?? 0;
    if (expect.bytes !== undefined && have > expect.bytes) have = 0;
    job.onBytes?.(have);
    if (expect.bytes === undefined || have < expect.bytes || have === 0) {
      startedAt = have;
      const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
      const answer = await ask({ what: job.what, url, headers, accept: [416] }, client);
      if (answer.response.status === 416) {
        await answer.response.body?.cancel();
        // Complete already, or the partial file is of another file: the digest tells, or the size does.
        const total = /\/(\d+)$/.exec(answer.response.headers.get("content-range") ?? "")?.[1];
        if (have === 0 || anew++ > 0) {
          throw new FetchError(
            "server",
            job.what,
            `${answer.from} refuses to send it (HTTP 416)`,
            "run the same command again later",
          );
        }
        if (Number(total) !== have) {
          await remove(partial);
          continue;
        }
      } else {
        const problem = await receive(answer, have, url, job, client);
        if (problem !== null) {
          const got = (await sizeOrNull(partial) ?? 0) - startedAt;
          if (got >= 1 << 20) patience.renew();
          await patience.wait(problem, null);
          continue;
        }
      }
    }
    const digests = await digestFile(partial, client.signal);
    const found = difference(digests, expect);
    if (found === null) return digests;
    await remove(partial);
    job.onBytes?.(0);
    // What was gone on with may have been the beginning of another file: once more, from the first byte.
    if (startedAt > 0 && anew++ === 0) continue;
    throw differs(job, ...found, shownUrl(url));
  }
}

/** Appends the body of an answer. Returns the trouble that another try may mend, null when all is there. */
async function receive(
  answer: Answer,
  have: number,
  url: string,
  job: Download,
  client: Client,
): Promise<FetchError | null> {
  const { response } = answer;
  const refuse = async (error: FetchError) => {
    await response.body?.cancel().catch(() => {});
    throw error;
  };
  if (/text\/html/i.test(response.headers.get("content-type") ?? "")) await refuse(await page(answer, job));
  const commit = answer.first.get("x-repo-commit");
  if (job.commit !== undefined && commit !== null && commit !== job.commit) {
    await refuse(
      new FetchError(
        "revision",
        job.what,
        `${shownUrl(url)} is answered for commit ${commit}, asked was ${job.commit}`,
        "check HF_ENDPOINT: a mirror that ignores revisions cannot be used",
      ),
    );
  }
  let from = 0;
  if (response.status === 206) {
    from = Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1] ?? NaN);
    // A server that answers another range than asked for is not gone on with.
    if (from !== have) from = NaN;
  }
  const total = totalOf(response, have);
  if (Number.isNaN(from)) {
    await refuse(
      new FetchError(
        "server",
        job.what,
        `${answer.from} sent ${response.headers.get("content-range")} where bytes ${have}- were asked for`,
        "remove the partial file or try another mirror",
      ),
    );
  }
  if (total !== null && job.expect.bytes !== undefined && total !== job.expect.bytes) {
    await refuse(differs(job, "size", job.expect.bytes, total, answer.from));
  }
  const wanted = total ?? job.expect.bytes;
  let at = from;
  let trouble: unknown = null;
  const reader = response.body!.getReader();
  const next = async () => {
    try {
      return await withTimer(reader.read(), client.stallMs, answer);
    } catch (error) {
      trouble = error;
      return { done: true as const, value: undefined };
    }
  };
  // Looked at before the file is touched: a page must not overwrite what is there.
  let piece = await next();
  if (
    from === 0 && piece.value &&
    /^\s*<(!doctype html|html)/i.test(new TextDecoder().decode(piece.value.slice(0, 64)))
  ) {
    answer.drop(new Error("a page"));
    throw await page(answer, job, piece.value);
  }
  const onDisk = (error: unknown) => {
    answer.drop(new Error("the disk"));
    throw diskError(job, error, wanted, at);
  };
  await makeFolder(dirname(job.partial)).catch(onDisk);
  const file = await openAppend(job.partial, from).catch(onDisk);
  try {
    for (; piece.value; piece = await next()) {
      await file.write(piece.value).catch(onDisk);
      at += piece.value.length;
      job.onBytes?.(at);
    }
  } catch (error) {
    // The first trouble is the one to tell of.
    await file.close().catch(() => {});
    throw error;
  }
  await file.close().catch(onDisk);
  client.signal?.throwIfAborted();
  if (wanted !== undefined && at < wanted) {
    return inShort(
      new FetchError(
        "truncated",
        job.what,
        `the connection to ${answer.from} ended after ${bytesText(at)} of ${
          bytesText(wanted)
        } (${at} of ${wanted} bytes)`,
        "what came is kept: the same command goes on from there",
        trouble,
      ),
      `the connection ended after ${bytesText(at)} of ${bytesText(wanted)}`,
    );
  }
  return trouble === null ? null : networkError({ what: job.what, url }, trouble);
}

/** Size of the whole file as the answer states it; null where it does not. */
function totalOf(response: Response, have: number): number | null {
  const range = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
  if (range !== undefined) return Number(range);
  const coded = response.headers.get("content-encoding");
  const length = response.headers.get("content-length");
  if (length === null || (coded !== null && coded !== "identity")) return null;
  return response.status === 206 ? have + Number(length) : Number(length);
}

function withTimer<T>(work: Promise<T>, ms: number, answer: Answer): Promise<T> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => {
      const error = new Error(`no byte for ${Math.round(ms / 1000)} s`);
      fail(error);
      answer.drop(error);
    }, ms);
    work.then(done, fail).finally(() => clearTimeout(timer));
  });
}

async function page(answer: Answer, job: Download, begun?: Uint8Array): Promise<FetchError> {
  const text = begun ? new TextDecoder().decode(begun) : await answer.response.text().catch(() => "");
  const title = /<title[^>]*>([^<]{0,120})/i.exec(text)?.[1].replace(/\s+/g, " ").trim();
  return new FetchError(
    "html",
    job.what,
    `an HTML page came instead of the file${title ? ` ("${title}")` : ""} from ${answer.from}`,
    "open the address in a browser: a login, a captive portal or a moved file; nothing was written",
  );
}

function diskError(job: Download, error: unknown, wanted: number | undefined, at: number): FetchError {
  const code = errorCode(error);
  const rest = wanted === undefined ? "" : `, ${bytesText(Math.max(0, wanted - at))} are still to come`;
  const full = ["ENOSPC", "EDQUOT", "EFBIG"].includes(code);
  return new FetchError(
    "disk",
    job.what,
    full
      ? `no space left to write ${job.partial} (${code})${rest}`
      : `cannot write ${job.partial} (${code || (error as Error).message})`,
    full
      ? "free some space, or choose another disk by HF_HUB_CACHE and REPRO_CACHE; what came is kept"
      : "check the folder's owner and mode, or choose another by HF_HUB_CACHE and REPRO_CACHE",
    error,
  );
}
