// The fixed addresses in the linear memory, below the first buffer: arguments, shapes, the pool's words, scratch.
// It leaves what is written there to main.ts, pool.ts and, on the host's side, module.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

/** Arguments of the kernel in progress: 64 words. Written by the calling thread, read by all. */
export const ARGUMENTS: usize = 256;
export const AXES: u32 = 5;
/** Sizes of 5 axes, then the strides of operand 0, then those of operand 1; shorter shapes are padded at the front. */
export const SHAPE_BLOCK: usize = 512;
/** Pool: the packed claim word (8 bytes), finished chunks, wake generation, sleepers, stop flag; one cache line each. */
export const CLAIM: usize = 1024;
export const FINISHED: usize = 1088;
export const GENERATION: usize = 1152;
export const SLEEPERS: usize = 1216;
export const STOP: usize = 1280;
export const WORKERS: usize = 1344;
/** Address of each thread's scratch block (at most 64 threads), and its size in bytes. */
export const SCRATCH: usize = 2048;
