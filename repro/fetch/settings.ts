// Promises where downloads come from and go to, from the environment: the variables of Python's huggingface_hub mean here what
// they mean there. Leaves talking to servers to http.ts and the folders' content to hub-cache.ts.
import { env, homeFolder, join, readText } from "../runtime.ts";

export interface FetchSettings {
  /** Base address of the Hub, without a slash at its end. */
  endpoint: string;
  /** The Hub's cache: models--org--name/… */
  hubCache: string;
  /** Our own folder: data/ in the layout of a data root, adapters/, the lock file. */
  cache: string;
  lockPath: string;
  /** Sent to the endpoint alone. */
  token: string | null;
  /** Base address of a copy of the original files: <mirror>/<host>/<path> stands for https://<host>/<path>. */
  mirror: string | null;
  offline: boolean;
  /** A pin that is not strongly supported gives way to what the Hub describes at the pinned commit. */
  trustHub: boolean;
  /** Tries after the first. */
  retries: number;
  /** Wait before the first retry; it doubles each time. */
  backoffMs: number;
  /** Without a byte for so long, a connection counts as dead. */
  stallMs: number;
  /** Downloads side by side. */
  jobs: number;
}

const isTrue = (value: string | undefined) => /^(1|on|yes|true)$/i.test(value ?? "");

const expanded = (path: string) => path.replace(/^~(?=$|[/\\])/, homeFolder());

const userCache = () => env("XDG_CACHE_HOME") ?? join(homeFolder(), ".cache");

const hubHome = () => expanded(env("HF_HOME") ?? join(userCache(), "huggingface"));

/** The Hub's cache folder: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub. */
export const hubCacheFolder = (): string =>
  expanded(env("HF_HUB_CACHE") ?? env("HUGGINGFACE_HUB_CACHE") ?? join(hubHome(), "hub"));

/** Our own cache folder: REPRO_CACHE or ~/.cache/repro. */
export const reproCacheFolder = (): string => expanded(env("REPRO_CACHE") ?? join(userCache(), "repro"));

/** The lock file that lies beside what it describes. */
export const ownLockFile = (cache: string): string => join(cache, "fetch.lock.json");

/** The lock file: REPRO_LOCK, or beside what it describes. */
export const lockFilePath = (): string => expanded(env("REPRO_LOCK") ?? ownLockFile(reproCacheFolder()));

/** HF_TOKEN, else the file that `hf auth login` writes; null without either, or where implicit tokens are switched off. */
async function hubToken(): Promise<string | null> {
  const given = env("HF_TOKEN") ?? env("HUGGING_FACE_HUB_TOKEN");
  if (given !== undefined) return given.trim();
  if (isTrue(env("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return null;
  try {
    return (await readText(expanded(env("HF_TOKEN_PATH") ?? join(hubHome(), "token")))).trim() || null;
  } catch {
    return null;
  }
}

const withoutSlash = (url: string) => url.replace(/\/+$/, "");

/** Settings as the environment has them, with what is given put in their place. */
export async function fetchSettings(given: Partial<FetchSettings> = {}): Promise<FetchSettings> {
  const mirror = env("REPRO_MIRROR");
  const settings: FetchSettings = {
    endpoint: withoutSlash(env("HF_ENDPOINT") ?? "https://huggingface.co"),
    hubCache: hubCacheFolder(),
    cache: reproCacheFolder(),
    lockPath: lockFilePath(),
    token: await hubToken(),
    mirror: mirror === undefined ? null : withoutSlash(mirror),
    offline: isTrue(env("HF_HUB_OFFLINE")),
    trustHub: false,
    retries: 5,
    backoffMs: 1000,
    stallMs: 60_000,
    jobs: 4,
    ...given,
  };
  for (
    const [name, address] of [["HF_ENDPOINT", settings.endpoint], ["REPRO_MIRROR", settings.mirror]] as const
  ) {
    if (address !== null && !/^https?:\/\//.test(address)) {
      throw new Error(`${name} is "${address}"; an address that begins with https:// or http:// is needed`);
    }
  }
  return settings;
}
