// The public surface of the toolkit, and nothing else: fetch models and data, specify runs, execute and keep them, judge their
// numbers, draw tables. The engine alone is repro/core; what one paper says is under papers/.
export * from "./checks/mod.ts";
export * from "./launch/mod.ts";
export * from "./render/mod.ts";
export * from "./runs/mod.ts";
export * from "./spec/mod.ts";
export { loadTarget, loadTask, targetLanguages } from "./data/datasets.ts";
export { fetchedSource } from "./data/fetched.ts";
export { type DataSource, folderSource, memorySource } from "./data/source.ts";
export { type Article, wikipediaArticles, wikipediaShards } from "./data/wikipedia.ts";
export { FetchError } from "./fetch/errors.ts";
export { type FetchListener, type Outcome, runFetch } from "./fetch/fetch.ts";
export { locateModel, NotFetchedError, parseHubModel } from "./fetch/locate.ts";
export { type Plan as FetchPlan, planFetch } from "./fetch/plan.ts";
export { type FetchSettings, fetchSettings } from "./fetch/settings.ts";
export type { FileSet, PinnedFile } from "./fetch/wanted.ts";
export { type BackendChoice, openBackend, resolveBackend } from "./training/backend.ts";
export { executeRun } from "./training/execute.ts";
export { type EncoderBundle, openData, openEncoder } from "./training/world.ts";
export { tinyWorld } from "./tinyworld/mod.ts";
