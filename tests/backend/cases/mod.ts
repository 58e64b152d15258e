// The cases on which backends are compared: odd sizes, broadcasts, repeated matrices, padding, ignored targets, aliases.
// It leaves running and judging them to kernels.test.ts.

import { elementwiseCases } from "./elementwise.ts";
import { broadcastingCases } from "./broadcasting.ts";
import { reductionsCases } from "./reductions.ts";
import { productsCases } from "./products.ts";
import { rowsCases } from "./rows.ts";
import { attentionCases } from "./attention.ts";
import { disentangledCases } from "./disentangled.ts";
import { trainingCases } from "./training.ts";

export type { KernelCase } from "./case.ts";

export const cases = [
  ...elementwiseCases,
  ...broadcastingCases,
  ...reductionsCases,
  ...productsCases,
  ...rowsCases,
  ...attentionCases,
  ...disentangledCases,
  ...trainingCases,
];
