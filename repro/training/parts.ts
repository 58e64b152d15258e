// Promises what a run trains: which parameters, in which groups they are unfrozen, and how a set of open groups is switched on.
// Leaves when a group opens to core/unfreezing and updates to trainer.ts.
import type { LayerGroup, Model, TaskConfig, Tensor } from "../../core/mod.ts";
import type { RunSpec } from "../spec/mod.ts";

export interface Parts {
  /** Everything that this run may ever train. */
  readonly trained: readonly Tensor[];
  /** Freezes all but the groups of these layers and what is always trained. */
  open(layers: Iterable<number>): void;
}

/** The task adapter that a run trains. */
export const taskAdapterOf = ({ adapter, hyperparameters: hp }: RunSpec): TaskConfig =>
  adapter === "lora"
    ? { kind: "lora", rank: hp.loraRank ?? 8, alpha: hp.loraAlpha ?? 8 }
    : { kind: "bottleneck", reduction: hp.reductionFactor, nonLinearity: "relu" };

const parametersOf = (groups: readonly LayerGroup[]) => groups.flatMap((group) => group.parameters);

export function partsOf(model: Model, spec: RunSpec): Parts {
  if (spec.task === "mlm") {
    const language = spec.language!;
    return {
      trained: model.adapters.languageParameters(language),
      open: () => model.setTrainable({ language }),
    };
  }
  const full = spec.adapter === "full";
  const groups = full ? model.encoderGroups : model.taskGroups;
  return {
    trained: [...parametersOf(groups), ...model.headParameters],
    open: (layers) => model.setTrainable({ [full ? "encoderLayers" : "layers"]: layers, head: true }),
  };
}
