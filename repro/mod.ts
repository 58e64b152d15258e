// The public surface of the toolkit, and nothing else: specify runs, execute and keep them, judge their numbers, draw tables.
// The engine alone is repro/core; what one paper says is under papers/.
export * from "./checks/mod.ts";
export * from "./launch/mod.ts";
export * from "./render/mod.ts";
export * from "./runs/mod.ts";
export * from "./spec/mod.ts";
export { loadTarget, loadTask, targetLanguages } from "./data/datasets.ts";
export { type DataSource, folderSource, memorySource } from "./data/source.ts";
export { type BackendChoice, openBackend, resolveBackend } from "./training/backend.ts";
export { executeRun } from "./training/execute.ts";
export { type EncoderBundle, openData, openEncoder } from "./training/world.ts";
export { tinyWorld } from "./tinyworld/mod.ts";
