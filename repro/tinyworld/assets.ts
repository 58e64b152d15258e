// Promises where the pretrained encoders of the tiny world lie: one folder for each of "mbert" and "xlmr".
// Leaves reading them to training/world.ts and making them to pretrain.ts.
import { fileURLToPath } from "node:url";

export const assetsFolder: string = fileURLToPath(new URL("./assets", import.meta.url));
