// Promises the words in which a paper (or a person) says what to download: sets of files, each with what is known of it.
// Leaves where the knowledge comes from to papers/ and the downloading to fetch.ts.

/** How well a digest or revision is supported: by several independent sources, by one, or not known at all. */
export type Evidence = "strong" | "single" | "none";

/** Where data sets are taken from: the addresses they were published at, or the Hub's Parquet files. */
export type Origin = "original" | "hub";
export const origins: readonly Origin[] = ["original", "hub"];

/** What a paper lets be fetched by name. */
export interface Fetchable {
  /** Everything that can be named, in the order of help. */
  names: readonly string[];
  /** The file sets behind words, each once; null for a word that names nothing. */
  sets(words: readonly string[], origin: Origin): Map<string, FileSet[] | null>;
  /** Published language adapters of a model of the Hub (of one `choice` of several): what is typed, and in which languages. */
  adapters?(model: string, choice: string): { name: string; languages: readonly string[] } | null;
  /** What a person who fetches these words must still do, one sentence each. */
  notes?(words: readonly string[]): string[];
}

export interface PinnedFile {
  /** On the Hub: path in the repository. Elsewhere: path in our cache, in the layout of a data root ("squad/dev-v1.1.json"). */
  path: string;
  /** Addresses of the original, best first; absent on the Hub. */
  urls?: readonly string[];
  bytes?: number;
  sha256?: string;
  evidence: Evidence;
  /** What a reader of the evidence must know. */
  note?: string;
}

export interface HubRepo {
  type: "model" | "dataset";
  name: string;
  /** A commit, or a branch where no commit is known: then the first download records its files' digests. */
  revision: string;
}

export interface FileSet {
  /** What is typed after `repro fetch`, or part of it. */
  id: string;
  kind: "model" | "dataset" | "adapter";
  /** Absent for original addresses. */
  repo?: HubRepo;
  /** null: all that is in `folder`, or without one whatever a model of the Hub needs, to be listed there. */
  files: readonly PinnedFile[] | null;
  folder?: string;
  /** For the revision, or for the whole where there is none. */
  evidence: Evidence;
  note?: string;
}

/** "org/name" or "org/name@revision"; null for anything else. */
export function parseHubId(text: string): { name: string; revision: string | null } | null {
  const [, name, , revision] = /^([\w][\w.-]*\/[\w.-]+)(@([\w./-]+))?$/.exec(text) ?? [];
  return name === undefined || /\.\./.test(text) ? null : { name, revision: revision ?? null };
}
