// State-dict names as checkpoints spell them, brought to the names this engine uses.
// It leaves legacy names of adapters to io/.

/**
 * Entries that repeat another parameter or are none of the model's: tied decoders, position counters, and in DeBERTa's checkpoints the
 * discriminator's head and absolute positions, which its encoder does not add.
 */
const redundant =
  /(^|\.)(position_ids|decoder\.weight|cls\.predictions\.decoder\.bias|lm_head\.decoder\.bias|vocab_projector\.weight)$|^mask_predictions\.|^deberta\.embeddings\.position_embeddings\./;

/** What stands before the encoder's own names: "bert.", "roberta.", nothing where it was saved without a head, or a wrapper's. */
function prefixOf(names: Iterable<string>): string | undefined {
  for (const name of names) {
    const found =
      /^(|.*?\.)(?:embeddings\.word_embeddings\.weight$|(?:encoder|transformer)\.layer\.\d|invertible_adapters\.)/
        .exec(name);
    if (found) return found[1];
  }
  return undefined;
}

/**
 * LayerNorm.gamma/beta become weight/bias; the encoder gets its prefix, whatever it was saved under; tied copies are left out;
 * DeBERTa's masked-LM head gets the names that transformers gives it.
 * @param prefix "bert.", "roberta." …
 */
export function canonicalNames<T>(state: ReadonlyMap<string, T>, prefix: string): Map<string, T> {
  const found = prefixOf(state.keys());
  const out = new Map<string, T>();
  for (const [key, value] of state) {
    if (redundant.test(key)) continue;
    const renamed = key.replace(/\.gamma$/, ".weight").replace(/\.beta$/, ".bias")
      .replace(/^lm_predictions\.lm_head\.(dense|LayerNorm)\./, "cls.predictions.transform.$1.")
      .replace(/^lm_predictions\.lm_head\.bias$/, "cls.predictions.bias");
    const own = found !== undefined && renamed.startsWith(found) ? renamed.slice(found.length) : "";
    const isEncoders = /^(embeddings|encoder|transformer|pooler|invertible_adapters)\./.test(own);
    out.set(isEncoders ? prefix + own : renamed, value);
  }
  return out;
}
