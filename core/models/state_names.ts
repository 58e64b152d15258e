// State-dict names as checkpoints spell them, brought to the names this engine uses.
// It leaves legacy names of adapters to io/.

/** Entries that repeat another parameter or are no parameter: tied decoders and position counters. */
const redundant =
  /(^|\.)(position_ids|decoder\.weight|cls\.predictions\.decoder\.bias|lm_head\.decoder\.bias)$/;

/** What stands before the encoder's own names: "bert.", "roberta.", nothing where it was saved without a head, or a wrapper's. */
function prefixOf(names: Iterable<string>): string | undefined {
  for (const name of names) {
    const found = /^(|.*?\.)(?:embeddings\.word_embeddings\.weight$|encoder\.layer\.\d|invertible_adapters\.)/
      .exec(name);
    if (found) return found[1];
  }
  return undefined;
}

/**
 * LayerNorm.gamma/beta become weight/bias; the encoder gets its prefix, whatever it was saved under; tied copies are left out.
 * @param prefix "bert." or "roberta."
 */
export function canonicalNames<T>(state: ReadonlyMap<string, T>, prefix: string): Map<string, T> {
  const found = prefixOf(state.keys());
  const out = new Map<string, T>();
  for (const [key, value] of state) {
    if (redundant.test(key)) continue;
    const renamed = key.replace(/\.gamma$/, ".weight").replace(/\.beta$/, ".bias");
    const own = found !== undefined && renamed.startsWith(found) ? renamed.slice(found.length) : "";
    out.set(/^(embeddings|encoder|pooler|invertible_adapters)\./.test(own) ? prefix + own : renamed, value);
  }
  return out;
}
