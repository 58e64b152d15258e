// How much device memory training takes, from the configuration alone: what stays (weights, moments) and what a step needs for
// the layers that its gradients reach. It leaves measuring to the backends (`memory()`).

import { type AdapterOptions, type LanguageConfig, languageDefaults } from "../adapters/adapters.ts";
import { architectureOf } from "./architecture.ts";
import type { EncoderConfig } from "./config.ts";
import { momentsFit } from "../optim/moments.ts";
import { largestPack } from "../optim/pack.ts";
import { relativeRows, tableRows } from "./relative.ts";

export interface TrainingShape {
  config: EncoderConfig;
  adapters: AdapterOptions;
  /** Values of the head's parameters and of the pooler, where there is one: they are of the task, not of the encoder. */
  headParameters: number;
  /** Rows of the batch (for multiple choice all choices of all examples) and tokens of each. */
  rows: number;
  tokens: number;
  /** What trains: task adapters and head (default), the language adapters, or encoder and head. */
  trained?: "task" | "language" | "encoder";
  /** Layers whose task adapter trains; language adapters and encoders count as a whole. */
  open: readonly number[];
  /** Masked-language modelling: tokens whose words are predicted. */
  predicted?: number;
  /** The batch comes in pieces, of which `rows` is one: gradients are added up. */
  inPieces?: boolean;
  /** The backend replays steps (WebGPU): blocks that a recording uses serve nothing else. */
  isRecorded?: boolean;
  /** Bytes that the backend can ever hold, where that is known: what decides whether the host keeps the moments. */
  maximumBytes?: number;
}

/** Bytes. */
export interface TrainingMemory {
  /** Encoder, adapters and head. */
  weights: number;
  /** Gradients of everything that may be trained, and its two moments unless the host has them. */
  optimizer: number;
  /** What the tape keeps for the backward pass, from the lowest open layer on. */
  saved: number;
  /** One layer while it is computed: its values go back to the pool when it is done. */
  working: number;
  /** Where the encoder trains: what its weights leave behind when they move together; a step uses it again. */
  moved: number;
  /** The longest of all buffers. */
  longest: number;
  /** Moments that the host keeps, no part of the total. */
  onHost: number;
  total: number;
}

const bytesEach = 4;

const dense = (inputs: number, outputs: number) => inputs * outputs + outputs;

function languageParameters(
  options: Partial<LanguageConfig>,
  { hiddenSize: h, layers }: EncoderConfig,
): number {
  const { reduction, invertibleReduction, leaveOut = [] } = { ...languageDefaults, ...options };
  const inner = (width: number, by: number) => Math.max(1, Math.floor(width / by));
  const size = inner(h, reduction);
  const adapters = (layers - leaveOut.length) * (dense(h, size) + dense(size, h));
  if (invertibleReduction === null) return adapters;
  const lower = Math.floor(h / 2), upper = h - lower;
  const block = (from: number, to: number) => {
    const between = inner(from, invertibleReduction);
    return dense(from, between) + dense(between, to);
  };
  return adapters + block(upper, lower) + block(lower, upper);
}

/** Values of the words' embeddings. */
const wordTable = ({ vocabularySize, hiddenSize }: EncoderConfig) => vocabularySize * hiddenSize;

/** Values of one layer's task adapter. */
function taskParameters({ task }: AdapterOptions, h: number): number {
  if (task === undefined) return 0;
  if (task.kind === "lora") return 2 * 2 * task.rank * h;
  const size = Math.max(1, Math.floor(h / task.reduction));
  return dense(h, size) + dense(size, h);
}

/** Values of the encoder's own parameters, without a pooler. */
function encoderParameters(config: EncoderConfig): number {
  const { hiddenSize: h, intermediateSize, layers, relative } = config;
  const absolute = architectureOf(config).absolutePositions ? config.maximumPositions : 0;
  const tables = config.vocabularySize + absolute + config.typeVocabularySize +
    (relative ? tableRows(relative) + (relative.normalised ? 2 : 0) : 0);
  const layer = 4 * dense(h, h) + dense(h, intermediateSize) + dense(intermediateSize, h) + 4 * h;
  return tables * h + 2 * h + layers * layer;
}

/**
 * Values a layer keeps for each token when gradients pass through all of it: q, k, v and the context of attention, the inputs of
 * its LayerNorms (the layer's own input among them), the intermediate layer before its activation, the adapters' inner values.
 */
function savedPerToken({ config, adapters }: TrainingShape, isOpen: boolean): number {
  const { hiddenSize: h, intermediateSize, heads } = config;
  const language = Object.values(adapters.languages ?? {})[0];
  const languageInner = language ? Math.floor(h / (language.reduction ?? languageDefaults.reduction)) : 0;
  const { task } = adapters;
  const attention = 4 * h + heads, firstNorm = 2 * h, feedForward = intermediateSize + h;
  // Each adapter adds a LayerNorm over its predecessor's output; all of them share the residual input, counted once.
  const stacked = (language ? h + languageInner : 0) + (task?.kind === "bottleneck" ? h : 0) + h;
  return attention + firstNorm + feedForward + stacked + (isOpen ? ownPerToken(adapters, h) : 0) +
    2 * (2 + (language ? 1 : 0) + (task?.kind === "bottleneck" ? 1 : 0));
}

/** What a language adapter that trains keeps beyond that, or a layer: the inputs of its matrices. */
function trainedPerToken({ trained, config, adapters }: TrainingShape): number {
  const { hiddenSize: h, intermediateSize } = config;
  if (trained === "encoder") return intermediateSize + 2 * h;
  const { reduction } = { ...languageDefaults, ...Object.values(adapters.languages ?? {})[0] };
  return trained === "language" ? h + 2 * Math.floor(h / reduction) : 0;
}

/** Values of masked-language modelling: logits with their gradient, and the head's inner values. */
const ofPredictions = ({ predicted = 0, config: { vocabularySize, hiddenSize } }: TrainingShape) =>
  predicted * (2 * vocabularySize + 8 * hiddenSize);

/** What an open task adapter keeps beyond that: the input of its first matrix and both sides of its inner values. */
function ownPerToken({ task }: AdapterOptions, h: number): number {
  if (task === undefined) return 0;
  if (task.kind === "lora") return h + 2 * task.rank;
  return h + 2 * Math.max(1, Math.floor(h / task.reduction));
}

/** Rows of the position table that attention reads; 0 without relative positions. */
const usedRows = ({ config: { relative }, tokens }: TrainingShape) =>
  relative ? relativeRows(relative, tokens).count : 0;

/** Values a layer keeps of relative positions: the table as keys and as queries, and what a LoRA on the query read. */
const savedOfPositions = (shape: TrainingShape) =>
  usedRows(shape) * shape.config.hiddenSize * (shape.adapters.task?.kind === "lora" ? 3 : 2);

/** Most bytes of a matrix of scores while disentangled attention is computed (backends/webgpu/kernels/disentangled.ts). */
const scoreBytes = 2 ** 26;

/** Bytes of the four such matrices that its gradient holds at once; wasm needs less, a head at a time. */
function scoresWhileComputed(shape: TrainingShape): number {
  if (!shape.config.relative) return 0;
  const each = bytesEach * shape.config.heads * shape.tokens * Math.max(shape.tokens, usedRows(shape));
  return 4 * Math.max(each, Math.min(scoreBytes, each * shape.rows));
}

/** Values for each token of everything that one layer computes, its input included. */
function workingPerToken({ config, adapters }: TrainingShape): number {
  const { hiddenSize: h, intermediateSize, heads } = config;
  const language = Object.keys(adapters.languages ?? {}).length > 0;
  const attention = 7 * h + heads, feedForward = h + 2 * intermediateSize + 2 * h;
  return attention + feedForward + (language ? 4 * h : 0) + (adapters.task ? 3 * h : 0) + h;
}

/** An estimate: pools round sizes up, and kernels use a little scratch of their own. */
export function trainingMemory(shape: TrainingShape): TrainingMemory {
  const { config, adapters, headParameters, open, trained = "task" } = shape;
  const { hiddenSize: h, layers } = config;
  const count = shape.rows * shape.tokens;
  const task = layers * taskParameters(adapters, h);
  const languages = Object.values(adapters.languages ?? {})
    .reduce((sum, each) => sum + languageParameters(each, config), 0);
  const encoder = encoderParameters(config);
  const parameters = { task: task + headParameters, language: languages, encoder: encoder + headParameters };
  const table = wordTable(config), isWhole = trained === "encoder";
  // Below the layers: what a language's invertible block reads, or the embeddings' LayerNorm.
  const lowest = trained === "task" ? Math.min(layers, ...open) : -1;
  let perToken = trained === "task" ? 0 : layers * trainedPerToken(shape) + 3 * h, ofPositions = 0;
  for (let layer = lowest + 1; layer < layers; layer++) {
    perToken += savedPerToken(shape, open.includes(layer));
    ofPositions += savedOfPositions(shape);
  }
  if (lowest >= 0 && lowest < layers) {
    // In the lowest open layer gradients end at the adapter: of a LoRA that is the layer's beginning.
    perToken += adapters.task?.kind === "lora"
      ? savedPerToken(shape, true)
      : ownPerToken(adapters, h) + 2 * h + 2;
    if (adapters.task?.kind === "lora") ofPositions += savedOfPositions(shape);
  }
  const weights = bytesEach * (encoder + languages + task + headParameters);
  const moved = isWhole ? bytesEach * (encoder - (table > largestPack ? table : 0)) : 0;
  const gradients = bytesEach * parameters[trained];
  const fit = momentsFit(gradients, moved, weights, shape.maximumBytes ?? Infinity);
  // Of a piece each parameter has a gradient of its own before it is added: the largest counts, where the block goes round.
  const ofPiece = shape.isRecorded ? gradients : bytesEach * table;
  const bytes = {
    weights,
    optimizer: (fit ? 3 : 1) * gradients + (isWhole && shape.inPieces ? ofPiece : 0),
    saved: bytesEach * (count * perToken + ofPositions + ofPredictions(shape)),
    working: bytesEach * count * workingPerToken(shape) + scoresWhileComputed(shape),
    moved,
    onHost: fit ? 0 : 2 * gradients,
    longest: bytesEach * Math.max(table, (shape.predicted ?? 0) * config.vocabularySize),
  };
  const activations = bytes.saved + bytes.working;
  const ofStep = shape.isRecorded ? activations + moved : Math.max(activations, moved);
  return { ...bytes, total: bytes.weights + bytes.optimizer + ofStep };
}
