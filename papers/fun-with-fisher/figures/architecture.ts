// Promises Figure 6: the adapter architecture as an input really goes through a model that training would use.
// Leaves following the input to repro/figures.
import { type ArchitectureTrace, type Block, blocksOf, layerSignature } from "../../../repro/figures/mod.ts";
import type { Figure } from "../../../repro/paper/mod.ts";
import type { DiagramPanel, TableRecord } from "../../../repro/render/mod.ts";
import { modelTitle } from "./common.ts";

const model = "mbert";

/** First dimension of a matrix is what it gives, the second what it takes. */
function sizes({ parameters }: ArchitectureTrace, { parameters: names }: Block): string {
  const matrices = names.map((name) => parameters[name].shape).filter(({ length }) => length === 2);
  return [matrices[0][1], ...matrices.map(([rows]) => rows)].join(" → ");
}

function linesOf(trace: ArchitectureTrace, block: Block): string[] {
  const { config } = trace;
  switch (block.kind) {
    case "embeddings":
      return ["embeddings and LayerNorm", `${config.vocabularySize} tokens × ${config.hiddenSize}`];
    case "invertible":
      return [`invertible adapter, language ${block.name}`, `two halves, ${block.activation}`];
    case "attention":
      return [
        "multi-head attention",
        `${config.heads} heads × ${config.hiddenSize / config.heads}`,
      ];
    case "feed-forward":
      return ["feed-forward", `${sizes(trace, block)}, ${block.activation}`];
    case "norm":
      return [`add, ${block.name.startsWith("attention") ? "attention's LayerNorm" : "output LayerNorm"}`];
    case "adapter":
      return [
        block.name === trace.task ? "task adapter" : `language adapter ${block.name}`,
        `down, ${block.activation}, up: ${sizes(trace, block)}`,
      ];
    case "sum":
      return ["add"];
    case "head":
      return ["task head", sizes(trace, block)];
  }
}

export const figure6: Figure = {
  kind: "figure",
  id: "figure6",
  title: "adapter architecture",
  needs: "a model, without any run",
  requests: [],
  models: [model],
  async draw({ architecture, setup }) {
    if (setup.models[model] === undefined) {
      const panel: DiagramPanel = {
        kind: "diagram",
        title: modelTitle(model),
        gap: "no encoder",
        boxes: [],
        skips: [],
      };
      return {
        records: [],
        picture: { title: "Adapter architecture", columns: 1, panels: [panel], legend: [], notes: [] },
      };
    }
    const trace = await architecture(model);
    const all = blocksOf(trace);
    const { layers, hiddenSize } = trace.config;
    const alike = Array.from({ length: layers }, (_, layer) => layer).filter((layer) =>
      layerSignature(trace, all, layer) === layerSignature(trace, all, 0)
    );
    // All layers from the second on are left out: what reads their results reads the first's.
    const shown = all.filter(({ layer }) => layer === null || layer === 0);
    const numberOf = (block: number) => block < 0 ? -1 : shown.indexOf(all[block]);
    const boxes = shown.map((block) => ({
      lines: linesOf(trace, block),
      style: block.kind === "sum"
        ? "sum" as const
        : block.parameters.some((name) => trace.parameters[name].trainable)
        ? "trained" as const
        : "frozen" as const,
      ...(block.layer === null ? {} : { frame: `layer, ${alike.length} of ${layers} alike` }),
    }));
    const skips = shown.flatMap((block, to) =>
      block.reads.map(numberOf).filter((from) => from !== to - 1 && (from >= 0 || block.layer !== null))
        .map((from) => ({ from, to }))
    );
    const trained = Object.values(trace.parameters).filter(({ trainable }) => trainable);
    const elements = (list: readonly { shape: readonly number[] }[]) =>
      list.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
    return {
      records: shown.map((block, number): TableRecord => ({
        block: number,
        kind: block.kind,
        name: block.name,
        layer: block.layer,
        sizes: block.parameters.map((name) => trace.parameters[name].shape.join("×")).join(" "),
        activation: block.activation ?? "",
        reads: block.reads.map(numberOf).join(" "),
        trained: boxes[number].style === "trained",
        parameters: block.parameters.join(" "),
      })),
      picture: {
        title: "Adapter architecture, followed through a model",
        columns: 1,
        panels: [{
          kind: "diagram",
          title: `${modelTitle(model)}, scale ${setup.scale}: ${layers} layers, ${hiddenSize} wide`,
          boxes,
          skips,
        }],
        legend: [],
        notes: [
          `Thick boxes train: ${elements(trained).toLocaleString("en-US")} of ${
            elements(Object.values(trace.parameters)).toLocaleString("en-US")
          } parameters.`,
        ],
      },
    };
  },
};
