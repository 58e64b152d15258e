// Promises the stored reference runs of a paper as evidence for its claims. Leaves the claims to the paper.
import { type Evidence, referenceEvidence } from "../claims/mod.ts";
import type { Paper } from "../paper/mod.ts";
import { loadReference, referencePath } from "./reference.ts";

/** All reference runs that are stored beside a paper. */
export async function storedEvidence(paper: Paper): Promise<Evidence> {
  const files = await Promise.all(
    paper.tables.filter(({ kind }) => kind === "results").map(({ id }) =>
      loadReference(referencePath(paper, id))
    ),
  );
  return referenceEvidence(files.filter((file) => file !== null));
}
