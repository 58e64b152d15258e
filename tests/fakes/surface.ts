// Promises a surface by plain formulas, of the size of a real run's: twelve layers, eleven steps, four decades, opened in an order of its own.
import type { Surface } from "../../repro/report/surface/surface.ts";

export function ridges(): Surface {
  const steps = Array.from({ length: 11 }, (_, i) => 11 + 12 * i);
  const layers = Array.from({ length: 12 }, (_, layer) => layer);
  return {
    steps,
    values: steps.map((step) =>
      layers.map((layer) =>
        Number((10 ** (2 * Math.sin(layer / 2) + 2 * Math.cos(step / 40))).toPrecision(3))
      )
    ),
    opened: [layers.map((layer) => 12 * ((7 * layer) % 12) - 1)],
  };
}
