// Promises who wrote the paper, its models, data sets and tables, as the toolkit wants to be told.
// Leaves printed numbers to numbers/, settings to hyperparameters.ts and each table's declaration to tables/.
import type { Paper } from "../../repro/paper/mod.ts";
import { audit } from "./audit.ts";
import { claims } from "./claims.ts";
import { effects } from "./deviations-effects.ts";
import { deviations } from "./deviations.ts";
import { type Encoder, hyperparameters, settingItems } from "./hyperparameters.ts";
import { downloads, fetchNames, fetchNotes, fetchSets, publishedAdapters } from "./pins.ts";
import { printed } from "./printed.ts";
import { datasets, models, sizes } from "./world.ts";
import { tables } from "./tables/mod.ts";
import { figures } from "./figures/mod.ts";

export const paper: Paper = {
  id: "fun-with-fisher",
  title:
    "FUN with Fisher: Improving Generalization of Adapter-Based Cross-lingual Transfer with Scheduled Unfreezing",
  shortTitle: "FUN with Fisher",
  authors: ["Chen Cecilia Liu", "Jonas Pfeiffer", "Ivan Vulić", "Iryna Gurevych"],
  venue: "NAACL 2024",
  code: "https://github.com/UKPLab/naacl2024-fun",
  folder: new URL("./", import.meta.url),
  models,
  datasets,
  sizes,
  printed,
  tables,
  figures,
  fetch: { names: fetchNames, sets: fetchSets, adapters: publishedAdapters, notes: fetchNotes },
  downloads,
  claims,
  audit,
  baseline: "standard",
  deviations: deviations.map((each) => ({ ...each, changes: effects[each.id] })),
  settingItems,
  settings: ({ model, ...request }) => hyperparameters({ ...request, encoder: model as Encoder }),
  touched: {
    "language-not-swapped": ["standard"],
    "lower-layers-frozen": ["standard"],
    "global-step-count": ["gu", "fun"],
    "single-layer-norm": ["standard"],
    "labels-from-data": ["fun"],
  },
};
