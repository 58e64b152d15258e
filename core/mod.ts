// The public surface of the engine. Usable alone, in Node, Deno and a browser: `import { … } from "repro/core"`.

export type { Backend, BackendName, DType, HostArray, MemoryStatistics } from "./backends/backend.ts";
export type { RandomStream } from "./backends/kernels.ts";
export { CoreError, OutOfMemoryError } from "./errors.ts";
export { type Shape } from "./shape.ts";
export { chain, empty, full, keep, parameter, scope, Tensor, tensor, zeros } from "./tensor.ts";
export { Tape } from "./autograd.ts";

export { linear, linearGelu } from "./ops/linear.ts";
export { matmul, type MatmulOptions } from "./ops/matmul.ts";
export { add, div, mul, sub } from "./ops/binary.ts";
export {
  abs,
  activations,
  exp,
  gelu,
  log,
  neg,
  reciprocal,
  relu,
  sigmoid,
  sqrt,
  square,
  tanh,
} from "./ops/unary.ts";
export { affine, scale } from "./ops/affine.ts";
export { reshape } from "./ops/reshape.ts";
export { transpose } from "./ops/transpose.ts";
export { slice } from "./ops/slice.ts";
export { concat } from "./ops/concat.ts";
export { mean, sum } from "./ops/reduce.ts";
export { sumSquares } from "./ops/sum_squares.ts";
export { logSoftmax, softmax } from "./ops/softmax.ts";
export { crossEntropy } from "./ops/cross_entropy.ts";
export { layerNorm } from "./ops/layer_norm.ts";
export { attention, type AttentionOptions } from "./ops/attention.ts";
export { disentangledAttention, type DisentangledOptions } from "./ops/disentangled_attention.ts";
export { embedding } from "./ops/embedding.ts";
export { dropout } from "./ops/dropout.ts";
export { cast, roundToHalf } from "./ops/cast.ts";

export {
  adapterOf,
  type LanguageConfig,
  type LayerGroup,
  renameAdapter,
  type TaskConfig,
} from "./adapters/adapters.ts";
export { type Batch, type HostBatch, uploadBatch } from "./models/batch.ts";
export { pieces } from "./models/pieces.ts";
export { type TrainingMemory, trainingMemory, type TrainingShape } from "./models/memory.ts";
export { architectureOf } from "./models/architecture.ts";
export { type RelativePositions, tableRows } from "./models/relative.ts";
export { configJson, type EncoderConfig, encoderConfig } from "./models/config.ts";
export { createModel, type Model, type ModelOptions, type Task } from "./models/model.ts";
export type { HostTensor, LoadReport, State } from "./nn/parameters.ts";

export type { ByteReader } from "./io/bytes.ts";
export { adapterConfigJson, type AdapterDescription, type AdapterToWrite } from "./io/adapter_config.ts";
export {
  adapterFromFiles,
  type AdapterTarget,
  languageConfigOf,
  taskConfigOf,
  taskTensors,
} from "./io/adapter_files.ts";
export { headConfigJson, headTensors, modelClassOf } from "./io/head_files.ts";
export { openSafetensors, safetensorsParts, type TensorToWrite, writeSafetensors } from "./io/safetensors.ts";
export { readAllStored, readStored, type StoredTensor, type StoredTensors } from "./io/stored.ts";
export { openTorch } from "./io/torch.ts";
export { writeTorch } from "./io/torch_write.ts";
export { openZip } from "./io/zip.ts";
export { normal, permutation, streamKey, uniform } from "./random.ts";
export { TrainingStep, type TrainingStepOptions } from "./training/step.ts";
export { AdamW, type AdamWOptions, type AdamWState } from "./optim/adamw.ts";
export { LossScale, type LossScaleOptions, type LossScaleState } from "./optim/loss_scale.ts";
export { learningRateAt, type LearningRateOptions } from "./optim/schedule.ts";
export { namedSchedules } from "./unfreezing/schedules.ts";
export { createUnfreezer, type Unfreezer, unfreezingMethods } from "./unfreezing/unfreezer.ts";
export {
  averageTrace,
  averageTraceAsCoded,
  fisherTrace,
  traceByLayer,
  type TraceGroup,
  type TraceOptions,
  type TraceResult,
} from "./fisher/trace.ts";
