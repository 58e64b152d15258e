// Promises the share of right predictions in percent.
// Leaves files to score-files.ts.

/** 100 × right ÷ all. Throws on different lengths or nothing to score. */
export function accuracy<T>(predictions: ArrayLike<T>, references: ArrayLike<T>): number {
  if (predictions.length !== references.length || references.length === 0) {
    throw new Error(
      `accuracy: ${predictions.length} predictions for ${references.length} references; give one for each, and at least one`,
    );
  }
  let right = 0;
  for (let i = 0; i < references.length; i++) if (predictions[i] === references[i]) right++;
  return (100 * right) / references.length;
}
