// Promises where the pretrained encoders of the tiny world lie: a folder for each, named as in encoders.ts.
// Leaves reading them to training/world.ts and making them to pretrain.ts.
import { pathOf } from "../runtime.ts";

export const assetsFolder: string = pathOf(new URL("./assets", import.meta.url));
