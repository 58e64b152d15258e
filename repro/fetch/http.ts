// Promises one answer to one request: redirects followed (the token stays with the Hub's own host), passing trouble tried again
// with growing pauses (Retry-After honoured), and every refusal told apart. Leaves the bytes of an answer to download.ts.
import { env, errorCode, runtimeName } from "../runtime.ts";
import { FetchError, inShort, shownUrl } from "./errors.ts";
import type { FetchSettings } from "./settings.ts";

/** What a request needs of the settings, and who listens. */
export interface Client
  extends Pick<FetchSettings, "endpoint" | "token" | "offline" | "retries" | "backoffMs" | "stallMs"> {
  signal?: AbortSignal;
  /** Called before a pause, with what happened in a few words and the seconds until the next try. */
  onWait?(what: string, reason: string, seconds: number): void;
  /** Hosts that did not answer after all tries: they are asked once more for each file, no oftener. */
  readonly silent: Set<string>;
}

export interface Request {
  /** For messages: "google-bert/… config.json". */
  what: string;
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** Statuses that are an answer and no fault, e.g. 416. */
  accept?: readonly number[];
}

export interface Answer {
  response: Response;
  /** Headers of the first host's answer: the Hub names commit and digest there, not where it redirects to. */
  first: Headers;
  /** Where the answer came from, without its query. */
  from: string;
  /** Gives the connection up. */
  drop(reason: Error): void;
}

const transient = new Set([408, 425, 429, 500, 502, 503, 504]);
const longestPause = 60;
/** A server that asks for a longer pause is answered by giving up. */
const longestPatience = 600;

const sleep = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((done, fail) => {
    const stop = () => {
      clearTimeout(timer);
      fail(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      done();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
  });

/** Seconds that a Retry-After header asks for: a number or a date. */
export function retryAfter(value: string | null, now = Date.now()): number | null {
  if (value === null) return null;
  if (/^\d+$/.test(value.trim())) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, (date - now) / 1000);
}

/** Pauses between tries; `wait` throws when there were enough of them. */
export class Patience {
  private tries = 0;
  private readonly client: Client;
  private readonly host: string;
  constructor(client: Client, url: string) {
    this.client = client;
    this.host = new URL(url).host;
  }

  /** Something arrived: the next trouble is a new one. */
  renew(): void {
    this.tries = 0;
  }

  /** Waits before the next try. Throws `error` when no try is left or the server asks for too long a pause. */
  async wait(error: FetchError, asked: number | null): Promise<void> {
    const { retries, backoffMs, signal, onWait, silent } = this.client;
    if (this.tries >= retries || (asked ?? 0) > longestPatience || silent.has(this.host)) {
      if (error.fault === "network") silent.add(this.host);
      throw error;
    }
    const grown = Math.min(longestPause, (backoffMs / 1000) * 2 ** this.tries) * (0.75 + Math.random() / 2);
    this.tries++;
    const seconds = asked ?? grown;
    onWait?.(error.what, error.short, seconds);
    await sleep(seconds * 1000, signal);
  }
}

/** What the network said, down to the cause that Node hides inside "fetch failed". */
export function reasonOf(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error && parts.length < 3; at = at.cause) {
    if (at.message && !parts.some((part) => part.includes(at.message))) parts.push(at.message);
    else if (errorCode(at)) parts.push(errorCode(at));
  }
  return parts.join(": ") || String(error);
}

const isHub = (url: string, client: Client) => new URL(url).origin === new URL(client.endpoint).origin;

async function once(request: Request, client: Client): Promise<Answer> {
  let url = request.url;
  let first: Headers | null = null;
  const own = new AbortController();
  const drop = (reason: Error) => own.abort(reason);
  const signal = client.signal === undefined ? own.signal : AbortSignal.any([client.signal, own.signal]);
  for (let hops = 0; hops <= 10; hops++) {
    const headers: Record<string, string> = {
      "accept-encoding": "identity",
      "user-agent": "repro",
      ...request.headers,
    };
    if (client.token !== null && isHub(url, client)) headers.authorization = `Bearer ${client.token}`;
    const timer = setTimeout(
      () => drop(new Error(`no answer within ${Math.round(client.stallMs / 1000)} s`)),
      client.stallMs,
    );
    const response = await fetch(url, {
      method: request.method ?? "GET",
      headers,
      body: request.body,
      redirect: "manual",
      signal,
    }).finally(() => clearTimeout(timer));
    first ??= response.headers;
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || response.status === 304 || location === null) {
      return { response, first, from: shownUrl(url), drop };
    }
    await response.body?.cancel();
    const next = new URL(location, url).href;
    if (url.startsWith("https:") && !next.startsWith("https:")) {
      throw new FetchError(
        "redirect",
        request.what,
        `${shownUrl(url)} redirects to ${shownUrl(next)}, which is not encrypted`,
        "check HF_ENDPOINT, REPRO_MIRROR and the network",
      );
    }
    // A HEAD asks the Hub itself: its redirect carries what it knows about the file.
    if (request.method === "HEAD" && !isHub(next, client)) {
      return { response, first, from: shownUrl(url), drop };
    }
    url = next;
  }
  throw new FetchError(
    "redirect",
    request.what,
    `more than 10 redirects from ${shownUrl(request.url)}`,
    "the server sends us in a circle; try later or another HF_ENDPOINT",
  );
}

/** The server's own words about a refusal, without anything secret. */
async function wordsOf(response: Response, client: Client): Promise<string> {
  let words = response.headers.get("x-error-message") ?? "";
  if (words === "" && /json|text\/plain/.test(response.headers.get("content-type") ?? "")) {
    const text = await response.text().catch(() => "");
    try {
      words = String((JSON.parse(text) as { error?: unknown }).error ?? "");
    } catch {
      words = text;
    }
  } else await response.body?.cancel().catch(() => {});
  words = words.replace(/\s+/g, " ").trim().slice(0, 200);
  if (client.token !== null) words = words.replaceAll(client.token, "…");
  return words === "" ? "" : ` ("${words}")`;
}

async function refusal(answer: Answer, request: Request, client: Client): Promise<FetchError> {
  const { response, from } = answer;
  const { status } = response;
  const code = response.headers.get("x-error-code") ?? "";
  const said = `HTTP ${status}${await wordsOf(response, client)} from ${from}`;
  const fail = (fault: FetchError["fault"], problem: string, next: string) =>
    inShort(new FetchError(fault, request.what, problem, next), `HTTP ${status}`);
  const hub = isHub(request.url, client);
  const page = /^(.*?)\/(?:resolve|tree|paths-info|revision)\//.exec(request.url)?.[1]
    .replace(/\/api\/models\//, "/").replace(/\/api\//, "/") ?? client.endpoint;
  const withToken = client.token === null ? "no token was sent" : "with the token given";
  if (code === "GatedRepo" || (hub && status === 403)) {
    return fail(
      "gated",
      `access is restricted: ${said}, ${withToken}`,
      `accept the conditions at ${page} and set HF_TOKEN to a token of that account`,
    );
  }
  if (status === 401) {
    return fail(
      "unauthorized",
      `not allowed: ${said}, ${withToken}`,
      hub
        ? `check the name, and set HF_TOKEN to a valid token if the repository is private`
        : "the server wants a login; give a REPRO_MIRROR that does not",
    );
  }
  if (status === 403) {
    return fail(
      "gated",
      `forbidden: ${said}`,
      "the server refuses this machine; try later or set REPRO_MIRROR",
    );
  }
  if (status === 404 || status === 410) {
    const missing: Record<string, string> = {
      RepoNotFound: "there is no such repository, or it is private",
      RevisionNotFound: "the repository has no such revision",
      EntryNotFound: "the repository has no such file at this revision",
    };
    return fail(
      "missing",
      `${missing[code] ?? "there is no such file"}: ${said}`,
      hub ? "check name and revision on the Hub" : "the file may have moved; set REPRO_MIRROR to a copy",
    );
  }
  if (status === 429) {
    const asked = retryAfter(response.headers.get("retry-after"));
    return fail(
      "rate-limited",
      `too many requests: ${said}${asked === null ? "" : `, it asks for ${Math.ceil(asked)} s of patience`}`,
      hub && client.token === null
        ? "run the same command again later, or set HF_TOKEN: with a token more is allowed"
        : "run the same command again later, perhaps with --jobs 1",
    );
  }
  return fail(
    "server",
    `the server failed: ${said}`,
    "run the same command again later: what is there stays",
  );
}

/** The answer to a request. Throws FetchError, after the allowed number of tries where another try could help. */
export async function ask(request: Request, client: Client): Promise<Answer> {
  if (client.offline) {
    throw new FetchError(
      "offline",
      request.what,
      `not on this machine, and --offline (or HF_HUB_OFFLINE) forbids to ask ${shownUrl(request.url)}`,
      "run the same command without it",
    );
  }
  const patience = new Patience(client, request.url);
  for (;;) {
    client.signal?.throwIfAborted();
    let answer: Answer;
    try {
      answer = await once(request, client);
    } catch (error) {
      if (error instanceof FetchError) throw error;
      client.signal?.throwIfAborted();
      await patience.wait(networkError(request, error), null);
      continue;
    }
    const { status } = answer.response;
    if (answer.response.ok || (status >= 300 && status < 400) || request.accept?.includes(status)) {
      return answer;
    }
    const asked = retryAfter(answer.response.headers.get("retry-after"));
    const error = await refusal(answer, request, client);
    if (!transient.has(status)) throw error;
    await patience.wait(error, asked);
  }
}

/** Node passes over the proxy variables that curl and Python follow; somebody behind one must be told. */
function proxyHint(): string {
  const proxy = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"].find((name) =>
    env(name) !== undefined
  );
  return proxy === undefined || !runtimeName().startsWith("node") || env("NODE_USE_ENV_PROXY") !== undefined
    ? ""
    : ` (${proxy} is set: Node follows it from version 24 on with NODE_USE_ENV_PROXY=1, Deno always)`;
}

export const networkError = (request: Pick<Request, "what" | "url">, error: unknown): FetchError =>
  inShort(
    new FetchError(
      "network",
      request.what,
      `no answer from ${shownUrl(request.url)} (${reasonOf(error)})`,
      `check the network, HF_ENDPOINT and REPRO_MIRROR${proxyHint()}; the same command goes on from what is there`,
      error,
    ),
    reasonOf(error),
  );
