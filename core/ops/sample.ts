// The form in which an operation describes examples of itself. Gradient checks against finite differences and parity of
// all backends are generated from these lists (tests/backend/ops.test.ts); nobody writes them by hand.

import type { DType } from "../backends/backend.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

export interface SampleInput {
  shape: Shape;
  /** Values are drawn from N(0, 1) unless said otherwise. `positive`: 0.5 + |N|. `away`: N pushed at least 0.2 away from 0 (kinks). */
  values?: "normal" | "positive" | "away" | readonly number[];
  dtype?: DType;
  /** A gradient is taken and checked (default: true for f32). */
  grad?: boolean;
}

export interface OpSample {
  name: string;
  inputs: readonly SampleInput[];
  run(...inputs: Tensor[]): Tensor;
  /** The result is not differentiable (casts, rounding): only parity is checked. */
  forwardOnly?: boolean;
}
