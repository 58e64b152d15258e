// Promises the judgement of our runs beside the project's own stored ones: seed by seed where both have the seed, else by the
// spread over seeds. Leaves how the stored tolerances follow to reference.ts.
import { remedy, smallest } from "./published.ts";
import { mean, oneSidedT } from "./statistics.ts";
import { type Judgement, points, type StoredReference, type Verdict } from "./judgement.ts";

export function judgeStored(values: ReadonlyMap<number, number>, reference: StoredReference): Judgement {
  const shared = [...values.keys()].filter((seed) => Object.hasOwn(reference.seeds, seed));
  const others = [...values.keys()].filter((seed) => !Object.hasOwn(reference.seeds, seed));
  const judgements: Judgement[] = [];
  if (shared.length > 0) judgements.push(sameSeeds(values, reference, shared));
  if (others.length > 0) judgements.push(otherSeeds(others.map((seed) => values.get(seed)!), reference));
  const order: Verdict[] = ["inconsistent", "underpowered", "consistent"];
  return order.flatMap((verdict) => judgements.filter((judgement) => judgement.verdict === verdict))[0];
}

/** The same program with the same draws: nothing is sampled, so the tolerance is a bound and not an interval. */
function sameSeeds(
  values: ReadonlyMap<number, number>,
  { seeds, tolerance: { seed, floor } }: StoredReference,
  shared: number[],
): Judgement {
  const n = shared.length;
  const difference = mean(shared.map((seed) => values.get(seed)! - seeds[seed]));
  const tolerance = Math.max(floor, seed / Math.sqrt(n));
  const verdict = Math.abs(difference) <= tolerance ? "consistent" : "inconsistent";
  const sign = verdict === "consistent" ? "≤" : ">";
  const which = n === 1 ? `seed ${shared[0]}` : `the same ${n} seeds`;
  return {
    verdict,
    tolerance,
    difference,
    why: `with ${which}: |${points(difference)}| ${sign} ${points(tolerance)}`,
  };
}

/**
 * Here a shown difference comes first: the program is compared with itself, and any difference that is shown is a fault,
 * however small. The stored quantile is corrected for the cells of the whole table.
 */
function otherSeeds(values: number[], reference: StoredReference): Judgement {
  const { spread, quantile, freedom, floor, margin } = reference.tolerance;
  const error = (n: number) => spread * Math.sqrt(1 / n + 1 / reference.n);
  const width = (n: number) => Math.max(floor, quantile * error(n));
  const tolerance = width(values.length);
  const difference = mean(values) - reference.mean;
  const within = (n: number) =>
    Math.abs(difference) + (freedom === undefined ? quantile : oneSidedT(freedom)) * error(n) <= margin;
  const found = `with other seeds: |${points(difference)}|`;
  const common = { tolerance, difference };
  if (Math.abs(difference) > tolerance) {
    return { verdict: "inconsistent", ...common, why: `${found} > ${points(tolerance)}` };
  }
  if (within(values.length)) {
    return { verdict: "consistent", ...common, why: `${found} ≤ ${points(tolerance)}` };
  }
  const runsNeeded = smallest((n) => n > values.length && (within(n) || Math.abs(difference) > width(n)));
  return {
    verdict: "underpowered",
    ...common,
    runsNeeded,
    why: `${found} ≤ ${points(tolerance)}, but it is not shown to be within ±${points(margin)}: ${
      remedy(runsNeeded, values.length)
    }`,
  };
}
