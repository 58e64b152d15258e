// Records dispatches into one compute pass and submits them late: a training step costs few submissions.
// Turns every error that the device reports into a rejection of the next wait. Shaders are pipelines.ts's, what they are bound to
// bind_groups.ts's, repeating a recorded step replays.ts's.

import { CoreError, fail, OutOfMemoryError, smallerPieces } from "../../errors.ts";
import type { HostArray } from "../backend.ts";
import type { Scalar } from "../kernels.ts";
import { BufferPool, usage, type WebgpuBuffer } from "./pool.ts";
import { BindGroups, type View } from "./bind_groups.ts";
import { type Pipeline, Pipelines } from "./pipelines.ts";
import type { Program } from "./program.ts";
import { type Recording, writeParameters } from "./recording.ts";
import { parameterSlot, Replay, Replays } from "./replays.ts";

/** What the kernels adapt to. */
export interface Profile {
  /** The driver runs on the CPU: barriers and shared memory cost more there than they save. */
  readonly isSoftware: boolean;
  /** Invocations that share one row in a row-wise kernel; 1 means no barriers. */
  readonly lanes: number;
  /** Invocations of every subgroup, where the device says so beforehand and lets shaders use it; else 0. */
  readonly subgroupSize: number;
}

/** A step of the deepest encoders fits; beyond it what was recorded is submitted. */
const dispatchesPerSubmission = 2048;
const maximumGroups = 65535;
/** Bytes handed to the queue in one piece, so that its staging memory stays small. */
const writePiece = 2 ** 26;

export type { View } from "./bind_groups.ts";

/** Dawn has an error of its own for it, but a driver's may come as a loss or in words. */
const isOutOfMemory = (error: { readonly message: string }): boolean =>
  error.constructor.name === "GPUOutOfMemoryError" ||
  /out.?of.?(device.?|host.?)?memory/i.test(error.message);

export class Recorder {
  readonly device: GPUDevice;
  readonly profile: Profile;
  readonly pool: BufferPool;
  readonly #pipelines: Pipelines;
  readonly #bindGroups: BindGroups;
  readonly #replays: Replays;
  #recording: Recording | null = null;
  readonly #parameterLayout: GPUBindGroupLayout;
  readonly #parameterGroup: GPUBindGroup;
  readonly #parameterBuffer: GPUBuffer;
  readonly #words = new Uint32Array(dispatchesPerSubmission * parameterSlot / 4);
  readonly #typedWords = {
    unsigned: this.#words,
    integers: new Int32Array(this.#words.buffer),
    floats: new Float32Array(this.#words.buffer),
  };
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #recorded = 0;
  #submission = 0;
  #failure: CoreError | null = null;
  #disposed = false;

  constructor(device: GPUDevice, profile: Profile, onDeviceLost?: (reason: string) => void) {
    this.device = device;
    this.profile = profile;
    this.#bindGroups = new BindGroups(device);
    this.pool = new BufferPool(device, () => {
      this.flush();
      this.#bindGroups.clear();
    });
    this.#parameterBuffer = device.createBuffer({
      label: "parameters",
      size: this.#words.byteLength,
      usage: usage.uniform | usage.copyTarget,
    });
    this.#parameterLayout = device.createBindGroupLayout({
      label: "parameters",
      entries: [{ binding: 0, visibility: 4, buffer: { type: "uniform", hasDynamicOffset: true } }],
    });
    this.#pipelines = new Pipelines(device, this.#parameterLayout);
    this.#parameterGroup = this.#bindParameters(this.#parameterBuffer);
    this.#replays = new Replays(this.pool, {
      record: (recording, work) => this.#record(recording, work),
      encode: (replay) => this.#encode(replay),
      seal: (recording) => new Replay(device, recording, (buffer) => this.#bindParameters(buffer)),
      flush: () => this.flush(),
    });
    device.onuncapturederror = (event) => {
      // The first error is the cause; what follows it is its consequence.
      const { message } = event.error;
      this.#failure ??= isOutOfMemory(event.error)
        ? new OutOfMemoryError(`webgpu: the device has no memory left: ${message}; ${smallerPieces}`)
        : new CoreError(`webgpu: the device refused the work: ${message}`);
      event.preventDefault?.();
    };
    device.lost.then((information) => {
      if (this.#disposed) return;
      const reason = `${information.reason}: ${information.message}`;
      this.#failure ??= isOutOfMemory(information)
        ? new OutOfMemoryError(
          `webgpu: the device was lost for want of memory (${reason}); ${smallerPieces}, from the run's last checkpoint on`,
        )
        : new CoreError(
          `webgpu: the device was lost (${reason}); create the backend again, or resume the run from its last checkpoint`,
        );
      onDeviceLost?.(reason);
    });
  }

  #bindParameters(buffer: GPUBuffer): GPUBindGroup {
    return this.device.createBindGroup({
      label: "parameters",
      layout: this.#parameterLayout,
      entries: [{ binding: 0, resource: { buffer, size: parameterSlot } }],
    });
  }

  /** Runs `build` once for each name; names carry the variant. */
  program(name: string, build: (name: string) => Program): Pipeline {
    return this.#pipelines.get(name, build);
  }

  /**
   * Records one dispatch. `values` are the parameters in the program's order; `groups` the workgroups, at most
   * 65,535 a dimension.
   */
  dispatch(
    pipeline: Pipeline,
    buffers: readonly (WebgpuBuffer | View)[],
    values: readonly Scalar[],
    groups: readonly [number, number?, number?],
  ): void {
    const { program } = pipeline;
    this.#checkUsable(program.name);
    const [x, y = 1, z = 1] = groups;
    if (x === 0 || y === 0 || z === 0) return;
    if (x > maximumGroups || y > maximumGroups || z > maximumGroups) {
      throw new OutOfMemoryError(
        `${program.name}: ${x} × ${y} × ${z} workgroups, at most ${maximumGroups} a side; ${smallerPieces}`,
      );
    }
    if (this.#recorded === dispatchesPerSubmission) this.flush();
    for (const each of buffers) {
      const buffer = "buffer" in each ? each.buffer : each;
      if (!buffer.live) fail(`${program.name}: a buffer was used after it was freed`);
      buffer.block.lastUse = this.#submission;
      this.#recording?.used(buffer);
    }
    const { group, key } = this.#bindGroups.get(pipeline, buffers);
    writeParameters(this.#typedWords, this.#recorded * parameterSlot / 4, program, values);
    const pass = this.#openPass();
    pass.setPipeline(pipeline.gpu);
    pass.setBindGroup(0, this.#parameterGroup, [this.#recorded * parameterSlot]);
    pass.setBindGroup(1, group);
    pass.dispatchWorkgroups(x, y, z);
    this.#recorded++;
    this.#recording?.dispatches.push({
      program,
      pipeline: pipeline.gpu,
      group,
      groupKey: key,
      values,
      workgroups: [x, y, z],
    });
  }

  #openPass(): GPUComputePassEncoder {
    this.#encoder ??= this.device.createCommandEncoder();
    return this.#pass ??= this.#encoder.beginComputePass();
  }

  /** Runs `work` unless what it dispatches under this key is known; see `Backend.replay`. */
  replay(key: string, work: () => void): void {
    this.#checkUsable("replay");
    if (this.#recording !== null) {
      fail(`replay ${key}: another replay is being recorded; replays do not hold each other`);
    }
    this.#replays.run(key, work);
  }

  #record(recording: Recording, work: () => void): void {
    this.#recording = recording;
    this.pool.keepAccount(recording);
    try {
      work();
      recording.finish();
    } catch (error) {
      this.pool.unpin([]);
      throw error;
    } finally {
      this.#recording = null;
      this.pool.keepAccount(null);
    }
  }

  #encode(replay: Replay): void {
    // The queue writes before anything that is submitted later: the same replay's commands must go first.
    if (replay.lastUse === this.#submission) this.flush();
    replay.writeLive();
    replay.lastUse = this.#submission;
    for (const block of replay.blocks) block.lastUse = this.#submission;
    const pass = this.#openPass();
    let current: GPUComputePipeline | null = null;
    for (const { pipeline, parameters, offset, group, workgroups: [x, y, z] } of replay.commands) {
      if (pipeline !== current) pass.setPipeline(current = pipeline);
      pass.setBindGroup(0, parameters, [offset]);
      pass.setBindGroup(1, group);
      pass.dispatchWorkgroups(x, y, z);
    }
  }

  /** Submits what was recorded. */
  flush(): void {
    if (this.#encoder === null) return;
    this.#pass?.end();
    if (this.#recorded > 0) {
      this.device.queue.writeBuffer(
        this.#parameterBuffer,
        0,
        this.#words,
        0,
        this.#recorded * parameterSlot / 4,
      );
    }
    this.device.queue.submit([this.#encoder.finish()]);
    this.#encoder = null;
    this.#pass = null;
    this.#recorded = 0;
    this.#submission++;
  }

  write(buffer: WebgpuBuffer, data: Float32Array | Int32Array, offset: number): void {
    this.#checkUsable("write");
    this.#checkNotRecording("write");
    if (!buffer.live) fail("write: the buffer was used after it was freed");
    // The queue writes before anything that is submitted later, so recorded readers of the block must go first.
    if (buffer.block.lastUse === this.#submission) this.flush();
    const piece = writePiece / 4;
    for (let at = 0; at < data.length; at += piece) {
      this.device.queue.writeBuffer(
        buffer.block.gpu,
        buffer.offset + (offset + at) * 4,
        data as Float32Array<ArrayBuffer>,
        at,
        Math.min(piece, data.length - at),
      );
    }
  }

  async read(buffer: WebgpuBuffer): Promise<HostArray> {
    this.#checkUsable("read");
    this.#checkNotRecording("read");
    if (!buffer.live) fail("read: the buffer was used after it was freed");
    const bytes = buffer.length * 4;
    const out = buffer.dtype === "f32" ? new Float32Array(buffer.length) : new Int32Array(buffer.length);
    const staging = this.device.createBuffer({
      label: "read",
      size: Math.max(4, bytes),
      usage: usage.mapRead | usage.copyTarget,
    });
    try {
      this.flush();
      if (bytes > 0) {
        const encoder = this.device.createCommandEncoder();
        encoder.copyBufferToBuffer(buffer.block.gpu, buffer.offset, staging, 0, bytes);
        this.device.queue.submit([encoder.finish()]);
      }
      try {
        await staging.mapAsync(0x1);
      } catch (error) {
        await this.#settle();
        throw new CoreError(`read: the device could not hand back the buffer: ${(error as Error).message}`);
      }
      await this.#settle();
      const mapped = staging.getMappedRange();
      out.set(
        buffer.dtype === "f32"
          ? new Float32Array(mapped, 0, buffer.length)
          : new Int32Array(mapped, 0, buffer.length),
      );
      staging.unmap();
      return out;
    } finally {
      staging.destroy();
    }
  }

  async synchronize(): Promise<void> {
    this.#checkUsable("synchronize");
    this.flush();
    await this.device.queue.onSubmittedWorkDone();
    await this.#settle();
  }

  /** Errors arrive as events: let those that belong to finished work come first, then throw the first one. */
  async #settle(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.#failure !== null) throw this.#failure;
  }

  #checkNotRecording(action: string): void {
    if (this.#recording === null) return;
    fail(
      `${action}: replayed work runs on the device alone; ${action} before or after it, into a buffer that stays`,
    );
  }

  #checkUsable(action: string): void {
    if (this.#disposed) fail(`${action}: this webgpu backend was disposed; create another`);
    if (this.#failure !== null) throw this.#failure;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.device.destroy();
  }
}

/** Workgroups for `count` of them in a row, folded into a second dimension where one is too short. */
export function grid(count: number): [number, number] {
  if (count <= maximumGroups) return [count, 1];
  const rows = Math.ceil(count / maximumGroups);
  return [Math.ceil(count / rows), rows];
}

/** WGSL: number of this workgroup in a `grid` and of this invocation, for kernels with one-dimensional work. */
export function linearMain(workgroupSize: number, body: string): string {
  return `
@compute @workgroup_size(${workgroupSize})
fn main(
  @builtin(workgroup_id) workgroupId: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroupId.y * workgroups.x + workgroupId.x;
  let i = group * ${workgroupSize}u + lane;
${body}
}`;
}
