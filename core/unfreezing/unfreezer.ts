// Algorithm 1 of "FUN with Fisher" (generalized scheduled unfreezing), once for all methods and both fidelities.
// It decides which task adapters open before a step; making parameters trainable and computing tr(F) are the caller's.

import { fail } from "../errors.ts";
import { choice, streamKey } from "../random.ts";
import { namedSchedules, scheduleOf } from "./schedules.ts";

export const unfreezingMethods = ["standard", "gu", "rev", "lpft", "rand", "fun"] as const;

export interface UnfreezerOptions {
  /** Number of layers, L. Layer L − 1 is the top. */
  layers: number;
  /** Steps between two selections, k. */
  interval: number;
  /** One of `unfreezingMethods`, a named schedule ("schedule-0" … "schedule-9", "schedule-rev") or "schedule:10,9,…". */
  method: string;
  fidelity: "paper" | "authors-code";
  /** Seed of the run; only "rand" draws. */
  seed: number;
  /** tr(F) of every layer, index = layer; called for "fun" when a selection is due and told which layers are frozen. */
  trace?: (frozen: readonly number[]) => Promise<readonly number[]>;
}

export interface UnfreezingDecision {
  /** Layers that open now, that is, from this step's update on; empty at most steps. */
  unfreeze: number[];
  /** The head is trained from the first step on by every method. */
  head: true;
  /** What `trace` gave, when it was asked. */
  trace?: number[];
}

/** Plain data, for a checkpoint. */
export interface UnfreezerState {
  /** Step that `before` expects next. */
  nextStep: number;
  /** In the order of opening. */
  unfrozen: number[];
}

export interface Unfreezer {
  /** Decides before update `step` (0, 1, 2, … without gaps). */
  before(step: number): Promise<UnfreezingDecision>;
  /** Layers open so far, in the order of opening. */
  readonly unfrozen: readonly number[];
  /** Layers still frozen, ascending. */
  readonly frozen: readonly number[];
  state(): UnfreezerState;
  /** Continues from a saved state: the caller opens `unfrozen` itself. @throws when it does not fit. */
  restore(state: UnfreezerState): void;
}

/**
 * `m` counts the selections of a run; `frozen` is ascending.
 *
 * paper: SELECT runs before update i when i mod k = 0 and i ≤ kL, so m = i / k = 0 … L.
 * authors-code: it runs before update t when t + 1 = m·k, m = 1 … L; besides, the top adapter is switched on during the first
 * two batches of every epoch (not for LPFT), which has an effect only once, before update 0.
 */
type Select = (m: number, frozen: readonly number[], step: number) => number[] | Promise<number[]>;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const entry = (list: readonly number[], n: number) => n >= 0 && n < list.length ? [list[n]] : [];

function largestTrace(frozen: readonly number[], traces: readonly number[], layers: number): number {
  if (traces.length !== layers) {
    fail(`unfreezing: tr(F) was given for ${traces.length} layers; wanted one value for each of ${layers}`);
  }
  let best = -1;
  // From the top down, so that equal values open the upper layer.
  for (const layer of frozen.toReversed()) {
    if (!Number.isFinite(traces[layer])) {
      fail(
        `unfreezing: tr(F) of layer ${layer} is ${
          traces[layer]
        }; training has diverged, lower the learning rate`,
      );
    }
    if (best === -1 || traces[layer] > traces[best]) best = layer;
  }
  return best;
}

/** Starts at update 0 with everything but the head frozen. @throws when an option makes no sense. */
export function createUnfreezer(options: UnfreezerOptions): Unfreezer {
  const { layers, interval, method, fidelity, seed, trace } = options;
  if (!Number.isInteger(layers) || layers < 1) {
    fail(`unfreezing: layers is ${layers}; wanted a positive integer`);
  }
  if (!Number.isInteger(interval) || interval < 1) {
    fail(`unfreezing: interval is ${interval}; wanted a positive number of steps`);
  }
  if (fidelity !== "paper" && fidelity !== "authors-code") {
    fail(`unfreezing: fidelity is ${fidelity}; choose paper or authors-code`);
  }
  const asCoded = fidelity === "authors-code";
  const top = layers - 1;
  /** Position in a fixed order of the layer that selection m opens: as coded the first selection is number 1. */
  const position = (m: number) => asCoded ? m - 1 : m;
  let lastTrace: number[] | undefined;

  const fixed = scheduleOf(method, layers);
  const selects: Record<string, Select> = {
    standard: (m) => m === 0 ? range(layers) : [],
    // As coded, selection 1 names the top layer again, which is open, so that the second layer comes at 2k.
    gu: (m) => entry(range(layers).reverse(), position(m)),
    rev: (m) => entry(range(layers), position(m)),
    lpft: (m) => m === 1 ? range(layers) : [],
    rand: (_, frozen, step) => [choice(streamKey(seed, "rand-schedule", step), frozen)],
    fun: async (_, frozen) => {
      if (!trace) return fail(`unfreezing: method fun needs tr(F); pass the option trace`);
      lastTrace = [...await trace(frozen)];
      return [largestTrace(frozen, lastTrace, layers)];
    },
  };
  if (fixed) {
    // In the paper layer L − 1 "is always unfrozen at the beginning" (footnote 9): selection 0 opens it unless the list names it.
    const order = asCoded || fixed.includes(top) ? fixed : [top, ...fixed];
    selects[method] = (m) => entry(order, position(m));
  }
  if (!Object.hasOwn(selects, method)) {
    fail(
      `unfreezing: there is no method ${method}; choose ${unfreezingMethods.join(", ")}, ${
        Object.keys(namedSchedules).join(", ")
      } or schedule:10,9,…`,
    );
  }
  const select = selects[method];
  const atStart = !asCoded || method === "lpft" ? [] : method === "standard" ? range(layers) : [top];

  let nextStep = 0;
  let unfrozen: number[] = [];
  const frozen = () => range(layers).filter((layer) => !unfrozen.includes(layer));

  return {
    get unfrozen() {
      return [...unfrozen];
    },
    get frozen() {
      return frozen();
    },

    async before(step) {
      if (step !== nextStep) {
        fail(`unfreezing: asked about step ${step}, expected ${nextStep}; ask once before every update`);
      }
      lastTrace = undefined;
      const opened: number[] = [];
      const open = (wanted: readonly number[]) => {
        for (const layer of wanted) {
          if (unfrozen.includes(layer)) continue;
          unfrozen.push(layer);
          opened.push(layer);
        }
      };
      if (step === 0) open(atStart);
      const count = asCoded ? step + 1 : step;
      const m = count / interval;
      if (count % interval === 0 && m <= layers && frozen().length > 0) open(await select(m, frozen(), step));
      nextStep = step + 1;
      return { unfreeze: opened, head: true, ...(lastTrace ? { trace: lastTrace } : {}) };
    },

    state() {
      return { nextStep, unfrozen: [...unfrozen] };
    },

    restore(state) {
      const valid = Number.isInteger(state?.nextStep) && state.nextStep >= 0 &&
        Array.isArray(state.unfrozen) && new Set(state.unfrozen).size === state.unfrozen.length &&
        state.unfrozen.every((layer) => Number.isInteger(layer) && layer >= 0 && layer < layers);
      if (!valid) {
        fail(
          `unfreezing: the saved state ${JSON.stringify(state)} does not fit ${layers} layers; start anew`,
        );
      }
      nextStep = state.nextStep;
      unfrozen = [...state.unfrozen];
    },
  };
}
