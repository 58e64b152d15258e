// Relative positions of DeBERTa: which row of the position table a distance between two tokens has.
// It leaves the table itself and attention to encoder.ts.

import { fail } from "../errors.ts";

export interface RelativePositions {
  /** Rows to each side: near distances have one each, farther ones share them logarithmically. 0 = a row for each distance. */
  buckets: number;
  /** Distances from here on share the outermost row. */
  maximumDistance: number;
  /** The table goes through a LayerNorm of its own. */
  normalised: boolean;
}

/** Rows of the table to each side of distance 0. */
const spanOf = ({ buckets, maximumDistance }: RelativePositions) => buckets > 0 ? buckets : maximumDistance;

/** Rows of the whole table. */
export const tableRows = (relative: RelativePositions): number => 2 * spanOf(relative);

/**
 * Distance to bucket (He et al., 2021, DeBERTa's code: up to half the buckets each distance has its own, beyond that
 * ⌈ln(d/mid) / ln((maximum − 1)/mid) · (mid − 1)⌉ + mid), in float32 steps as PyTorch takes them.
 */
function bucketOf(distance: number, { buckets, maximumDistance }: RelativePositions): number {
  const mid = Math.floor(buckets / 2);
  const far = Math.abs(distance);
  if (buckets === 0 || far <= mid) return distance;
  const { fround, log } = Math;
  const share = fround(fround(log(fround(far / mid))) / fround(log(fround((maximumDistance - 1) / mid))));
  return Math.sign(distance) * (Math.ceil(fround(share * (mid - 1))) + mid);
}

/** Rows of the table that T tokens use: the first, and for each distance −(T − 1) … T − 1 how far its row lies beyond it. */
export function relativeRows(
  relative: RelativePositions,
  tokens: number,
): { first: number; count: number; rows: Int32Array } {
  const span = spanOf(relative);
  const rows = Int32Array.from(
    { length: 2 * tokens - 1 },
    (_, n) => Math.max(0, Math.min(2 * span - 1, bucketOf(n - tokens + 1, relative) + span)),
  );
  const first = rows[0];
  return { first, count: rows[rows.length - 1] - first + 1, rows: rows.map((row) => row - first) };
}

/** Reads DeBERTa's fields of a config.json. @throws for variants that this encoder does not compute, naming the field */
export function relativePositions(json: Readonly<Record<string, unknown>>): RelativePositions {
  const wanted = (name: string, is: unknown, want: string, isRight: boolean) => {
    if (!isRight) {
      fail(
        `config.json: ${name} is ${JSON.stringify(is)}; this encoder computes deberta-v2 with ${want} only`,
      );
    }
  };
  wanted("relative_attention", json.relative_attention ?? false, "true", json.relative_attention === true);
  const biased = json.position_biased_input ?? true;
  wanted("position_biased_input", biased, "false", biased === false);
  wanted("share_att_key", json.share_att_key ?? false, "true", json.share_att_key === true);
  const kernel = json.conv_kernel_size ?? 0;
  wanted("conv_kernel_size", kernel, "0 (no convolution beside the first layer)", kernel === 0);
  for (const name of ["embedding_size", "pooler_hidden_size"]) {
    const size = json[name] ?? json.hidden_size;
    wanted(name, size, `hidden_size ${json.hidden_size}`, size === json.hidden_size);
  }
  const kinds = json.pos_att_type ?? [];
  const listed = (Array.isArray(kinds) ? kinds : String(kinds).split("|")).map((each) => String(each).trim())
    .sort();
  wanted("pos_att_type", kinds, '"p2c|c2p"', listed.join() === "c2p,p2c");
  const number = (name: string) => Number(json[name] ?? -1);
  const maximum = number("max_relative_positions");
  return {
    buckets: Math.max(0, number("position_buckets")),
    maximumDistance: maximum < 1 ? Number(json.max_position_embeddings) : maximum,
    normalised: String(json.norm_rel_ebd ?? "none").split("|").map((each) => each.trim()).includes(
      "layer_norm",
    ),
  };
}

/** The fields that `relativePositions` reads. */
export function relativeJson(relative: RelativePositions): Record<string, unknown> {
  return {
    relative_attention: true,
    position_biased_input: false,
    share_att_key: true,
    pos_att_type: "p2c|c2p",
    position_buckets: relative.buckets > 0 ? relative.buckets : -1,
    max_relative_positions: relative.maximumDistance,
    norm_rel_ebd: relative.normalised ? "layer_norm" : "none",
  };
}
