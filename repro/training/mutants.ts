// Promises the list of deliberate faults that a run can be given, to show that the checks notice each of them.
// Leaves acting on them to the places named here; no mutant changes a run that does not name it.

export const mutants = {
  "language-not-swapped": "the English language adapter stays in at test time",
  "lower-layers-frozen": "task adapters of the lower half of the layers are never unfrozen",
  "global-step-count": "Adam's bias correction counts steps globally instead of per parameter",
  "single-layer-norm": "the second and third LayerNorm of the adapter stack are left out",
  "labels-from-data": "labels for tr(F) are taken from the data instead of the model",
} as const;

export type Mutant = keyof typeof mutants;

/** Checks the name of a mutant. */
export function parseMutant(name: string | undefined): Mutant | undefined {
  if (name === undefined || Object.hasOwn(mutants, name)) return name as Mutant | undefined;
  throw new Error(`mutant: there is none named "${name}"; choose one of ${Object.keys(mutants).join(", ")}`);
}
