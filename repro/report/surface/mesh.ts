// Promises a surface as triangles, and the places of its dots, in a box of fixed size. Leaves the box's edges to axes.ts and drawing to draw.ts.
import type { LogScale } from "./scale.ts";
import { layersOf, openShare, type Surface } from "./surface.ts";

export type Point = [x: number, y: number, z: number];

/** The box: steps from −1 to 1 along x, tr(F) from 0 upwards along y, layers from the lowest in front (+z) to the highest (−z). */
export const box = { x: 1, y: 0.7, z: 0.8 } as const;

/** Floats of a vertex: position, normal, and (number of the step, layer), which lines on the surface follow. */
export const vertexFloats = 8;

export interface Mesh {
  vertices: Float32Array<ArrayBuffer>;
  indices: Uint32Array<ArrayBuffer>;
}

export function stepX({ steps }: Surface, step: number): number {
  const [from, to] = [steps[0], steps.at(-1)!];
  return to > from ? box.x * (2 * (steps[step] - from) / (to - from) - 1) : 0;
}

export function layerZ(surface: Surface, layer: number): number {
  const count = layersOf(surface);
  return count > 1 ? box.z * (1 - 2 * layer / (count - 1)) : 0;
}

/** Where a measured value stands; null where it has no height. */
export function placeOf(surface: Surface, scale: LogScale, step: number, layer: number): Point | null {
  const share = scale.share(surface.values[step]?.[layer] ?? null);
  return share === null ? null : [stepX(surface, step), share * box.y, layerZ(surface, layer)];
}

const unit = ([x, y, z]: Point): Point => {
  const length = Math.hypot(x, y, z);
  return [x / length, y / length, z / length];
};

/** Slope between two neighbours, of which one may be missing: then that to the middle one. */
function slope(before: Point | null, at: Point, after: Point | null, axis: 0 | 2): number {
  const [a, b] = [before ?? at, after ?? at];
  return a[axis] === b[axis] ? 0 : (b[1] - a[1]) / (b[axis] - a[axis]);
}

/** Upright walls from the surface's outer edges to the floor, so that nobody looks under it; they face outwards. */
function addWalls(surface: Surface, scale: LogScale, vertices: number[], indices: number[]): void {
  const [lastStep, lastLayer] = [surface.steps.length - 1, layersOf(surface) - 1];
  // From the outside each runs from left to right.
  const front = surface.steps.map((_, step) => [step, 0]);
  const right = surface.values[0].map((_, layer) => [lastStep, layer]);
  const sides: [number[][], Point][] = [
    [front, [0, 0, 1]],
    [right, [1, 0, 0]],
    [front.map(([step]) => [step, lastLayer]).reverse(), [0, 0, -1]],
    [right.map(([, layer]) => [0, layer]).reverse(), [-1, 0, 0]],
  ];
  for (const [edge, normal] of sides) {
    for (let i = 0; i + 1 < edge.length; i++) {
      const ends = [edge[i], edge[i + 1]].map(([step, layer]) => ({
        at: placeOf(surface, scale, step, layer),
        // Half a layer or step further out is no line: lines run upwards alone.
        grid: [step + Math.abs(normal[0]) / 2, layer + Math.abs(normal[2]) / 2],
      }));
      if (ends.some(({ at }) => at === null)) continue;
      const first = vertices.length / vertexFloats;
      const [a, b] = ends.map(({ at, grid }) => ({ at: at!, grid }));
      for (const [{ at: [x, y, z], grid }, height] of [[a, 0], [b, 0], [b, 1], [a, 1]] as const) {
        vertices.push(x, height * y, z, ...normal, ...grid);
      }
      indices.push(first, first + 1, first + 2, first, first + 2, first + 3);
    }
  }
}

/**
 * Four triangles for each four neighbouring values, around their mean, so that no diagonal is preferred; none where one of the four
 * is missing. Vertices: first [step][layer], then the middles, then the walls. Seen from above, triangles run counter-clockwise.
 */
export function meshOf(surface: Surface, scale: LogScale): Mesh {
  const [steps, layers] = [surface.steps.length, layersOf(surface)];
  const place = (step: number, layer: number) => placeOf(surface, scale, step, layer);
  const vertices: number[] = [], indices: number[] = [];
  const normals: Point[] = [];
  for (let step = 0; step < steps; step++) {
    for (let layer = 0; layer < layers; layer++) {
      const at = place(step, layer);
      const normal: Point = at === null ? [0, 1, 0] : unit([
        -slope(place(step - 1, layer), at, place(step + 1, layer), 0),
        1,
        -slope(place(step, layer - 1), at, place(step, layer + 1), 2),
      ]);
      normals.push(normal);
      vertices.push(...at ?? [stepX(surface, step), 0, layerZ(surface, layer)], ...normal, step, layer);
    }
  }
  for (let step = 0; step + 1 < steps; step++) {
    for (let layer = 0; layer + 1 < layers; layer++) {
      // Around the middle, counter-clockwise from above: front left, front right, back right, back left.
      const corners = [[step, layer], [step + 1, layer], [step + 1, layer + 1], [step, layer + 1]];
      const places = corners.map(([s, l]) => place(s, l));
      if (places.includes(null)) continue;
      const numbers = corners.map(([s, l]) => s * layers + l);
      const middle = vertices.length / vertexFloats;
      const mean = (of: readonly Point[], axis: number) => of.reduce((sum, each) => sum + each[axis], 0) / 4;
      const around = numbers.map((number) => normals[number]);
      vertices.push(
        ...[0, 1, 2].map((axis) => mean(places as Point[], axis)),
        ...unit([mean(around, 0), mean(around, 1), mean(around, 2)]),
        step + 0.5,
        layer + 0.5,
      );
      numbers.forEach((number, i) => indices.push(number, numbers[(i + 1) % 4], middle));
    }
  }
  addWalls(surface, scale, vertices, indices);
  return { vertices: new Float32Array(vertices), indices: new Uint32Array(indices) };
}

/** Where layers trained already: position and share of the runs, four floats each. */
export function dotsOf(surface: Surface, scale: LogScale): Float32Array<ArrayBuffer> {
  const dots: number[] = [];
  for (let step = 0; step < surface.steps.length; step++) {
    for (let layer = 0; layer < layersOf(surface); layer++) {
      const at = placeOf(surface, scale, step, layer);
      const share = openShare(surface, step, layer);
      if (at !== null && share > 0) dots.push(...at, share);
    }
  }
  return new Float32Array(dots);
}
