// Promises the box around a surface: the lines of its floor and of the two walls behind, and its labels, each where it is seen.
// Leaves the camera to camera.ts, drawing lines to draw.ts and setting text to page/turn.ts.
import { fontSize, widthOf } from "../../render/panels/styles.ts";
import { type Camera, matrixOf, seenAt } from "./camera.ts";
import { spread } from "./heat-map.ts";
import { box, layerZ, type Point, stepX } from "./mesh.ts";
import { type LogScale, tickText } from "./scale.ts";
import { layersOf, type Surface } from "./surface.ts";

export interface Label {
  text: string;
  x: number;
  y: number;
  anchor: "start" | "middle" | "end";
  /** A name of an axis, not a number. */
  title: boolean;
}

/** On which side of the box the camera stands: 1 or −1 along x and z. */
export function sidesOf(camera: Camera): { x: 1 | -1; z: 1 | -1 } {
  return { x: Math.sin(camera.yaw) < 0 ? -1 : 1, z: Math.cos(camera.yaw) < 0 ? -1 : 1 };
}

/** Ends of lines, three floats each, two ends a line. */
export function linesOf(surface: Surface, scale: LogScale, camera: Camera): Float32Array<ArrayBuffer> {
  const lines: number[] = [];
  const line = (from: Point, to: Point) => lines.push(...from, ...to);
  const sides = sidesOf(camera);
  const [wallX, wallZ] = [-sides.x * box.x, -sides.z * box.z];
  for (let step = 0; step < surface.steps.length; step++) {
    const x = stepX(surface, step);
    line([x, 0, -box.z], [x, 0, box.z]);
    line([x, 0, wallZ], [x, box.y, wallZ]);
  }
  for (let layer = 0; layer < layersOf(surface); layer++) {
    const z = layerZ(surface, layer);
    line([-box.x, 0, z], [box.x, 0, z]);
    line([wallX, 0, z], [wallX, box.y, z]);
  }
  for (const height of new Set([0, 1, ...scale.ticks.map(({ share }) => share)])) {
    const y = height * box.y;
    line([-box.x, y, wallZ], [box.x, y, wallZ]);
    line([wallX, y, -box.z], [wallX, y, box.z]);
  }
  return new Float32Array(lines);
}

/** Whether two labels, each with a little room around it, cover each other. */
function collide(a: Label, b: Label): boolean {
  const [across, down] = [4, 1];
  const from = ({ x, text, anchor }: Label) => x - widthOf(text) * { start: 0, middle: 0.5, end: 1 }[anchor];
  return Math.abs(a.y - b.y) < fontSize + down && from(a) < from(b) + widthOf(b.text) + across &&
    from(b) < from(a) + widthOf(a.text) + across;
}

/** What covers nothing that is kept, neither of `taken` nor of these labels; of them the first and the last come first. */
function apart(labels: readonly Label[], taken: readonly Label[] = []): Label[] {
  const kept = [...taken];
  for (const label of [labels[0], labels.at(-1)!, ...labels]) {
    if (!kept.some((each) => collide(each, label))) kept.push(label);
  }
  return labels.filter((label) => kept.includes(label));
}

/** Pixels from an edge to its numbers and to its name. */
const beside = { number: 15, title: 48 };

/**
 * Labels along the two edges of the floor that are near, and the outer upright edge on the left, where each is seen in a picture of
 * `width` × `height` pixels. What lies outside the picture or would cover another is left out.
 */
export function labelsOf(
  surface: Surface,
  scale: LogScale,
  camera: Camera,
  { width, height }: { width: number; height: number },
): Label[] {
  const matrix = matrixOf(camera, width / height);
  const seen = (point: Point) => seenAt(matrix, point, width, height);
  const sides = sidesOf(camera);
  const [edgeX, edgeZ] = [sides.x * box.x, sides.z * box.z];
  const middle = seen([0, 0, 0]);

  /** Puts labels beside an edge of the floor, on the side that is away from the floor. */
  function along(from: Point, to: Point): (point: Point, text: string | number, title?: boolean) => Label {
    const [a, b] = [seen(from), seen(to)];
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    let across = [(b[1] - a[1]) / length, (a[0] - b[0]) / length];
    if ((a[0] - middle[0]) * across[0] + (a[1] - middle[1]) * across[1] < 0) {
      across = across.map((value) => -value);
    }
    const anchor = Math.abs(across[0]) < 0.5 ? "middle" : across[0] < 0 ? "end" : "start";
    return (point, text, title = false) => {
      const [x, y] = seen(point);
      const far = title ? beside.title : beside.number;
      return { text: String(text), x: x + far * across[0], y: y + far * across[1], anchor, title };
    };
  }
  const alongX = along([-box.x, 0, edgeZ], [box.x, 0, edgeZ]);
  const alongZ = along([edgeX, 0, -box.z], [edgeX, 0, box.z]);
  const steps = spread(surface.steps.length, 11).map((step) =>
    alongX([stepX(surface, step), 0, edgeZ], surface.steps[step])
  );
  const layers = spread(layersOf(surface), 12).map((layer) =>
    alongZ([edgeX, 0, layerZ(surface, layer)], layer)
  );
  const floor = apart(steps);
  floor.push(...apart(layers, floor));

  // Of the two upright edges that bound the picture the left one, with its numbers outside.
  const corners: Point[] = [[edgeX, 0, -edgeZ], [-edgeX, 0, edgeZ]];
  const [left] = corners.sort((a, b) => seen(a)[0] - seen(b)[0]);
  const beyond = (share: number, text: string, title: boolean): Label => {
    const [x, y] = seen([left[0], share * box.y, left[2]]);
    return { text, x: x - 8, y: title ? y - 18 : y, anchor: "end", title };
  };
  const upright = scale.ticks.map(({ value, share }) => beyond(share, tickText(value), false));
  return [
    ...floor,
    ...apart(upright, floor),
    alongX([0, 0, edgeZ], "before update", true),
    alongZ([edgeX, 0, 0], "layer", true),
    beyond(1, "tr(F)", true),
  ].filter(({ x, y }) => x >= 0 && x <= width && y >= 0 && y <= height);
}
