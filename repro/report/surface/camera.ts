// Promises a camera that turns around the box of a surface and comes nearer, its matrix, and where a point of the box is seen.
// Leaves who turns it to page/turn.ts and drawing to draw.ts. Angles are radians.
import { mat4, vec3 } from "wgpu-matrix";
import { box, type Point } from "./mesh.ts";

export interface Camera {
  /** Around the vertical axis; 0 looks from the lowest layer to the highest. */
  yaw: number;
  /** Above the floor. */
  pitch: number;
  /** 1 shows the whole box; 2 is twice as large. */
  zoom: number;
}

const degrees = Math.PI / 180;

export const home: Camera = { yaw: -34 * degrees, pitch: 27 * degrees, zoom: 1 };

const fieldOfView = 20 * degrees;
/** What the camera looks at and turns around. */
const target: Point = [0, box.y * 0.3, 0];
/** Half of what must be seen across, and up from the side and from above; labels included. */
const half = { across: 1.75, up: 1, upFromAbove: 1.45 };

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** A camera that has been moved, kept above the floor and within reach; the yaw stays between −π and π. */
export function moved({ yaw, pitch, zoom }: Camera, by: Partial<Camera>): Camera {
  const turned = yaw + (by.yaw ?? 0);
  return {
    yaw: turned - 2 * Math.PI * Math.round(turned / (2 * Math.PI)),
    pitch: clamp(pitch + (by.pitch ?? 0), 2 * degrees, 88 * degrees),
    zoom: clamp(zoom * (by.zoom ?? 1), 0.6, 4),
  };
}

/** Where the camera stands. @param aspect width by height of the picture */
export function eyeOf({ yaw, pitch, zoom }: Camera, aspect: number): Point {
  const up = half.up + (half.upFromAbove - half.up) * Math.sin(pitch) ** 2;
  const distance = Math.max(up, half.across / aspect) / Math.tan(fieldOfView / 2) / zoom;
  return [
    target[0] + distance * Math.cos(pitch) * Math.sin(yaw),
    target[1] + distance * Math.sin(pitch),
    target[2] + distance * Math.cos(pitch) * Math.cos(yaw),
  ];
}

/** From the box to clip space, column by column. */
export function matrixOf(camera: Camera, aspect: number): Float32Array<ArrayBuffer> {
  const projection = mat4.perspective(fieldOfView, aspect, 0.5, 40);
  const view = mat4.lookAt(eyeOf(camera, aspect), target, [0, 1, 0]);
  return mat4.multiply(projection, view) as Float32Array<ArrayBuffer>;
}

/** Pixels from the picture's left upper corner. */
export function seenAt(matrix: Float32Array, point: Point, width: number, height: number): [number, number] {
  const [x, y] = vec3.transformMat4(point, matrix);
  return [(x + 1) / 2 * width, (1 - y) / 2 * height];
}
