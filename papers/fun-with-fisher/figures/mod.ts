// Promises every figure of the paper in its order. Leaves their content to the files beside this one.
import type { Figure } from "../../../repro/paper/mod.ts";
import { figure6 } from "./architecture.ts";
import { figure3, figure4 } from "./fisher.ts";
import { figure2 } from "./relative.ts";
import { figure1, figure5 } from "./schedules.ts";

export const figures: readonly Figure[] = [figure1, figure2, figure3, figure4, figure5, figure6];
