// Promises a surface drawn by WebGPU onto any texture: mesh with its grid, box, dots, antialiased, on a transparent ground.
// Leaves adapters, canvases and when to draw to page/turn.ts and text to axes.ts.
import { linesOf } from "./axes.ts";
import { type Camera, eyeOf, matrixOf } from "./camera.ts";
import { colourOf } from "./colour.ts";
import { box, dotsOf, meshOf, vertexFloats } from "./mesh.ts";
import type { LogScale } from "./scale.ts";
import type { Surface } from "./surface.ts";

/** Red, green, blue, opacity from 0 to 1. */
export type Colour = readonly [number, number, number, number];

export interface Look {
  camera: Camera;
  /** Of the texture, pixels. */
  width: number;
  height: number;
  /** Pixels of the texture for one of the page. */
  density: number;
  line: Colour;
  ink: Colour;
  ground: Colour;
}

export interface Drawing {
  /** Draws what `look` sees onto the texture; the device has it in its queue when this returns. */
  draw(texture: GPUTexture, look: Look): void;
  dispose(): void;
}

/** Colours of heights; between two of them it is mixed. */
const stops = 33;
const samples = 4;
const depthFormat = "depth24plus";
/** Radius of a dot where all runs trained the layer, pixels of the page. */
const radius = 3.6;

const shader = /* wgsl */ `
struct Scene {
  matrix: mat4x4f,
  light: vec4f,
  eye: vec4f,
  line: vec4f,
  ink: vec4f,
  ground: vec4f,
  // Width and height in pixels, radius of a dot, height of the box.
  size: vec4f,
  colours: array<vec4f, ${stops}>,
}
@group(0) @binding(0) var<uniform> scene: Scene;

struct Vertex {
  @builtin(position) at: vec4f,
  @location(0) normal: vec3f,
  @location(1) grid: vec2f,
  @location(2) height: f32,
}

@vertex fn surfaceVertex(
  @location(0) at: vec3f, @location(1) normal: vec3f, @location(2) grid: vec2f,
) -> Vertex {
  return Vertex(scene.matrix * vec4f(at, 1), normal, grid, at.y / scene.size.w);
}

@fragment fn surfaceFragment(in: Vertex, @builtin(front_facing) above: bool) -> @location(0) vec4f {
  let place = clamp(in.height, 0, 1) * ${stops - 1};
  let lower = min(u32(place), ${stops - 2}u);
  let plain = mix(scene.colours[lower].rgb, scene.colours[lower + 1].rgb, place - f32(lower));
  // From below it is darker, so that the two sides are told apart.
  let towards = select(-1.0, 1.0, above) * dot(normalize(in.normal), scene.light.xyz);
  // The walls, which stand upright, are darker than what was measured.
  let wall = select(1.0, 0.76, in.normal.y < 1e-4);
  let lit = wall * plain * select(0.55, 0.74 + 0.3 * max(towards, 0.0), above);
  // A line of about a pixel along every layer and every measured step.
  let distance = abs(fract(in.grid - 0.5) - 0.5) / max(fwidth(in.grid), vec2f(1e-6));
  let line = 1.0 - clamp(min(distance.x, distance.y), 0.0, 1.0);
  return vec4f(min(lit, vec3f(1)) * (1.0 - 0.5 * line), 1);
}

@vertex fn lineVertex(@location(0) at: vec3f) -> @builtin(position) vec4f {
  return scene.matrix * vec4f(at, 1);
}

@fragment fn lineFragment() -> @location(0) vec4f {
  return vec4f(scene.line.rgb * scene.line.a, scene.line.a);
}

struct Dot {
  @builtin(position) at: vec4f,
  @location(0) corner: vec2f,
}

@vertex fn dotVertex(@builtin(vertex_index) number: u32, @location(0) dot: vec4f) -> Dot {
  let corner = vec2f(f32(number & 1u), f32(number >> 1u)) * 2 - 1;
  // A little towards the camera, so that the surface cuts no dot in two.
  let lifted = dot.xyz + 0.03 * normalize(scene.eye.xyz - dot.xyz);
  var at = scene.matrix * vec4f(lifted, 1);
  at += vec4f(corner * scene.size.z * sqrt(dot.w) * 2 / scene.size.xy * at.w, 0, 0);
  return Dot(at, corner);
}

@fragment fn dotFragment(in: Dot) -> @location(0) vec4f {
  let distance = length(in.corner);
  let soft = fwidth(distance);
  let inside = 1.0 - smoothstep(1.0 - soft, 1.0, distance);
  let colour = mix(scene.ground.rgb, scene.ink.rgb, smoothstep(0.58 - soft, 0.58 + soft, distance));
  return vec4f(colour * inside, inside);
}
`;

function pipelines(device: GPUDevice, format: GPUTextureFormat) {
  const module = device.createShaderModule({ code: shader });
  const group = device.createBindGroupLayout({
    entries: [{
      binding: 0,
      visibility: GPUShaderStage.VERTEX | GPUShaderStage.FRAGMENT,
      buffer: { type: "uniform" },
    }],
  });
  const layout = device.createPipelineLayout({ bindGroupLayouts: [group] });
  const over: GPUBlendComponent = { srcFactor: "one", dstFactor: "one-minus-src-alpha" };
  const pipeline = (
    name: string,
    topology: GPUPrimitiveTopology,
    buffer: GPUVertexBufferLayout,
    depthWriteEnabled: boolean,
  ) =>
    device.createRenderPipeline({
      layout,
      vertex: { module, entryPoint: `${name}Vertex`, buffers: [buffer] },
      fragment: {
        module,
        entryPoint: `${name}Fragment`,
        targets: [{ format, blend: { color: over, alpha: over } }],
      },
      primitive: { topology },
      depthStencil: { format: depthFormat, depthWriteEnabled, depthCompare: "less-equal" },
      multisample: { count: samples },
    });
  const attribute = (shaderLocation: number, offset: number, format: GPUVertexFormat) => ({
    ...{ shaderLocation, offset: 4 * offset, format },
  });
  return {
    group,
    surface: pipeline("surface", "triangle-list", {
      arrayStride: 4 * vertexFloats,
      attributes: [attribute(0, 0, "float32x3"), attribute(1, 3, "float32x3"), attribute(2, 6, "float32x2")],
    }, true),
    line: pipeline(
      "line",
      "line-list",
      { arrayStride: 12, attributes: [attribute(0, 0, "float32x3")] },
      true,
    ),
    dot: pipeline("dot", "triangle-strip", {
      ...{ arrayStride: 16, stepMode: "instance", attributes: [attribute(0, 0, "float32x4")] },
    }, false),
  };
}

/** Light from above and from the left of where the camera stands. */
function lightOf({ yaw }: Camera): number[] {
  const angle = yaw - 0.9;
  const light = [0.62 * Math.sin(angle), 0.7, 0.62 * Math.cos(angle)];
  const length = Math.hypot(...light);
  return [...light.map((value) => value / length), 0];
}

/** The shader's `Scene`. */
export function sceneOf(
  { camera, width, height, density, line, ink, ground }: Look,
): Float32Array<ArrayBuffer> {
  return new Float32Array([
    ...matrixOf(camera, width / height),
    ...lightOf(camera),
    ...[...eyeOf(camera, width / height), 1],
    ...line,
    ...ink,
    ...ground,
    ...[width, height, radius * density, box.y],
    ...Array.from({ length: stops }, (_, i) => [...colourOf(i / (stops - 1)), 1]).flat(),
  ]);
}

/** @param format of the textures that will be drawn on */
export function drawingOf(
  device: GPUDevice,
  format: GPUTextureFormat,
  surface: Surface,
  scale: LogScale,
): Drawing {
  const { group, ...pipeline } = pipelines(device, format);
  const buffers: GPUBuffer[] = [];
  const buffer = (data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>, usage: number) => {
    // A buffer of nothing is none; four bytes are never drawn.
    const made = device.createBuffer({
      size: Math.max(4, data.byteLength),
      usage: usage | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(made, 0, data);
    buffers.push(made);
    return made;
  };
  const mesh = meshOf(surface, scale), dots = dotsOf(surface, scale);
  const [vertices, instances] = [mesh.vertices, dots].map((data) => buffer(data, GPUBufferUsage.VERTEX));
  const indices = buffer(mesh.indices, GPUBufferUsage.INDEX);
  const place: Look = {
    camera: { yaw: 0, pitch: 0, zoom: 1 },
    ...{ width: 1, height: 1, density: 1, line: [0, 0, 0, 0], ink: [0, 0, 0, 0], ground: [0, 0, 0, 0] },
  };
  const scene = buffer(sceneOf(place), GPUBufferUsage.UNIFORM);
  const lines = buffer(linesOf(surface, scale, place.camera), GPUBufferUsage.VERTEX);
  const bindings = device.createBindGroup({
    layout: group,
    entries: [{ binding: 0, resource: { buffer: scene } }],
  });
  let targets: GPUTexture[] = [];
  const sized = (width: number, height: number) => {
    if (targets[0]?.width === width && targets[0].height === height) return targets;
    for (const each of targets) each.destroy();
    return targets = [format, depthFormat as GPUTextureFormat].map((format) =>
      device.createTexture({
        ...{ size: [width, height], format, sampleCount: samples, usage: GPUTextureUsage.RENDER_ATTACHMENT },
      })
    );
  };
  return {
    draw(texture, look) {
      const [colour, depth] = sized(texture.width, texture.height);
      device.queue.writeBuffer(scene, 0, sceneOf(look));
      const ends = linesOf(surface, scale, look.camera);
      device.queue.writeBuffer(lines, 0, ends);
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginRenderPass({
        colorAttachments: [{
          view: colour.createView(),
          resolveTarget: texture.createView(),
          clearValue: [0, 0, 0, 0],
          loadOp: "clear",
          storeOp: "discard",
        }],
        depthStencilAttachment: {
          view: depth.createView(),
          depthClearValue: 1,
          depthLoadOp: "clear",
          depthStoreOp: "discard",
        },
      });
      pass.setBindGroup(0, bindings);
      pass.setPipeline(pipeline.line);
      pass.setVertexBuffer(0, lines);
      pass.draw(ends.length / 3);
      pass.setPipeline(pipeline.surface);
      pass.setVertexBuffer(0, vertices);
      pass.setIndexBuffer(indices, "uint32");
      if (mesh.indices.length > 0) pass.drawIndexed(mesh.indices.length);
      pass.setPipeline(pipeline.dot);
      pass.setVertexBuffer(0, instances);
      if (dots.length > 0) pass.draw(4, dots.length / 4);
      pass.end();
      device.queue.submit([encoder.finish()]);
    },
    dispose() {
      for (const each of [...buffers, ...targets]) each.destroy();
    },
  };
}
