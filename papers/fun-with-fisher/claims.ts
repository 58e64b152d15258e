// Promises everything that the paper claims in prose and that can be judged: each with its words, its place and a predicate.
// Leaves the claims themselves to claims/ and the usual predicates to repro/claims.
import type { Claim } from "../../repro/claims/mod.ts";
import { furtherClaims } from "./claims/further.ts";
import { lowestClaims } from "./claims/lowest.ts";
import { mainClaims } from "./claims/main.ts";
import { settingsClaims } from "./claims/settings.ts";
import { trainingClaims } from "./claims/training.ts";

export const claims: readonly Claim[] = [
  ...mainClaims,
  ...lowestClaims,
  ...furtherClaims,
  ...trainingClaims,
  ...settingsClaims,
];
