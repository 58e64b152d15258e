// The fixed addresses in the linear memory, below the first buffer: arguments, shapes, the threads' words, scratch.
// It leaves what is written there to main.ts, threads.ts and, on the host's side, backend.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

/** Arguments of the kernel in progress: 64 words. Written by the calling thread, read by all. */
export const ARGUMENTS: usize = 256;
export const AXES: u32 = 5;
/** Sizes of 5 axes, then the strides of operand 0, then those of operand 1; shorter shapes are padded at the front. */
export const SHAPE_BLOCK: usize = 512;
/** Threads: the packed claim word (8 bytes); one cache line each. */
export const CLAIM: usize = 1024;
/** Chunks done. */
export const FINISHED: usize = 1088;
/** Number of the launch; workers sleep on it. */
export const GENERATION: usize = 1152;
export const SLEEPERS: usize = 1216;
export const STOP: usize = 1280;
/** Number of workers beside the caller, written by the host. */
export const WORKERS: usize = 1344;
/** 1 while the caller sleeps; behind it, written by the host: whether it may (a browser's page may not), and 1 after a worker trapped. */
export const WAITING: usize = 1408;
/** Task, items, items a chunk, chunks. */
export const TASK: usize = 1472;
/** Workers that are ready to work, written by their hosts. */
export const READY: usize = 1536;
/** Address of each thread's scratch block (at most 64 threads), and its size in bytes. */
export const SCRATCH: usize = 2048;
