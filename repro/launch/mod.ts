// Promises the public surface of launching, and nothing else.
export { launch } from "./launch.ts";
export type { LaunchOptions, LaunchProgress, LaunchResult } from "./launch.ts";
