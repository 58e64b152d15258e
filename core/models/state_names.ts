// State-dict names as checkpoints spell them, brought to the names this engine uses.
// It leaves legacy names of adapters to io/.

import type { State } from "../nn/parameters.ts";

/** Entries that repeat another parameter or are no parameter: tied decoders and position counters. */
const redundant =
  /(^|\.)(position_ids|decoder\.weight|cls\.predictions\.decoder\.bias|lm_head\.decoder\.bias)$/;

/**
 * LayerNorm.gamma/beta become weight/bias; a bare encoder (saved without its head) gets its prefix; tied copies are left out.
 * @param prefix "bert." or "roberta."
 */
export function canonicalNames(state: State, prefix: string): State {
  const bare = state.has("embeddings.word_embeddings.weight");
  const out: State = new Map();
  for (const [key, value] of state) {
    if (redundant.test(key)) continue;
    const renamed = key.replace(/\.gamma$/, ".weight").replace(/\.beta$/, ".bias");
    out.set(
      bare && /^(embeddings|encoder|pooler|invertible_adapters)\./.test(renamed) ? prefix + renamed : renamed,
      value,
    );
  }
  return out;
}
