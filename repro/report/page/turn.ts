// Promises a surface that is turned by pointer, wheel and keys, drawn only when something has changed; where WebGPU is missing or lost,
// one line that says why, and the flat map stays. Leaves drawing to surface/draw.ts, labels to surface/axes.ts, the map to its caller.
import { escaped, px } from "../../render/panels/styles.ts";
import { labelsOf } from "../surface/axes.ts";
import { type Camera, home, moved } from "../surface/camera.ts";
import { type Colour, type Drawing, drawingOf } from "../surface/draw.ts";
import { type LogScale, logScale } from "../surface/scale.ts";
import { layersOf, type Surface } from "../surface/surface.ts";
import { element } from "./elements.ts";
import { openGpu } from "./gpu.ts";

export interface Turnable {
  /** Stands where it was given; empty until it is near the window. */
  readonly element: HTMLElement;
  show(surface: Surface): void;
  /** Frees what it holds; it can be shown no more. */
  stop(): void;
}

const [turn, tilt, nearer] = [Math.PI / 24, Math.PI / 36, 1.15];

/** What a key does; dragging in the same direction does the same. */
const keys: Record<string, Partial<Camera>> = {
  ArrowLeft: { yaw: turn },
  ArrowRight: { yaw: -turn },
  ArrowUp: { pitch: -tilt },
  ArrowDown: { pitch: tilt },
  "+": { zoom: nearer },
  "=": { zoom: nearer },
  "-": { zoom: 1 / nearer },
};

/** "#8a929b" of the page's style. */
function colourOf(style: CSSStyleDeclaration, name: string, opacity = 1): Colour {
  const value = style.getPropertyValue(`--${name}`).trim();
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(value.slice(at, at + 2), 16) / 255);
  return [red, green, blue, opacity];
}

const canStand = (surface: Surface, scale: LogScale | null): scale is LogScale =>
  scale !== null && surface.steps.length > 1 && layersOf(surface) > 1;

/** @param onReady called once it is there to be turned */
export function turnable(onReady: () => void = () => {}): Turnable {
  const holder = element("div", { class: "turnable" });
  const canvas = element("canvas", { tabindex: "0", role: "application" }) as HTMLCanvasElement;
  const stage = element("div", { class: "stage" }, canvas);
  stage.insertAdjacentHTML("beforeend", '<svg aria-hidden="true"></svg>');
  const labels = stage.querySelector("svg")!;
  const scheme = matchMedia("(prefers-color-scheme:dark)");
  let shown: { surface: Surface; scale: LogScale; drawing: Drawing } | null = null;
  let wanted: Surface | null = null;
  let gpu: { device: GPUDevice; format: GPUTextureFormat; context: GPUCanvasContext } | null = null;
  let camera = home;
  let isAsked = false, isStopped = false;

  function draw(): void {
    isAsked = false;
    const [width, height] = [stage.clientWidth, stage.clientHeight];
    if (shown === null || gpu === null || width === 0) return;
    const most = gpu.device.limits.maxTextureDimension2D;
    const density = Math.min(devicePixelRatio, most / width, most / height);
    const size = [width, height].map((length) => Math.round(length * density));
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const style = getComputedStyle(stage);
    shown.drawing.draw(gpu.context.getCurrentTexture(), {
      ...{ camera, width: size[0], height: size[1], density },
      line: colourOf(style, "line", 0.55),
      ink: colourOf(style, "ink"),
      ground: colourOf(style, "ground"),
    });
    labels.setAttribute("viewBox", `0 0 ${width} ${height}`);
    labels.innerHTML = labelsOf(shown.surface, shown.scale, camera, { width, height }).map((
      { text, x, y, anchor, title },
    ) =>
      `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}"${title ? ' class="title"' : ""}>${
        escaped(text)
      }</text>`
    ).join("");
  }
  /** Many changes between two pictures of the screen are one drawing. */
  function ask(): void {
    if (isAsked || isStopped) return;
    isAsked = true;
    requestAnimationFrame(draw);
  }
  function move(by: Partial<Camera>): void {
    camera = moved(camera, by);
    ask();
  }

  function say(why: string): void {
    shown?.drawing.dispose();
    [shown, gpu] = [null, null];
    holder.replaceChildren(element("p", { class: "small faint", role: "status" }, `Flat only: ${why}.`));
  }

  function load(): void {
    if (gpu === null || wanted === null) return;
    const scale = logScale(wanted.values.flat());
    shown?.drawing.dispose();
    shown = null;
    stage.hidden = !canStand(wanted, scale);
    if (!canStand(wanted, scale)) return;
    shown = { surface: wanted, scale, drawing: drawingOf(gpu.device, gpu.format, wanted, scale) };
    canvas.setAttribute(
      "aria-label",
      `tr(F) of ${
        layersOf(wanted)
      } layers at ${wanted.steps.length} steps as a surface in three dimensions. ` +
        "Arrow keys turn it, plus and minus come nearer and go back, Home starts again. Its values stand in a table.",
    );
    ask();
  }

  async function start(): Promise<void> {
    const found = await openGpu();
    if (isStopped) return;
    if ("why" in found) return say(found.why);
    const context = canvas.getContext("webgpu");
    if (context === null) return say("this browser's canvas has no WebGPU");
    context.configure({ ...found, alphaMode: "premultiplied" });
    void found.device.lost.then(({ message }) => {
      if (!isStopped) say(`the graphics device was lost${message === "" ? "" : ` (${message.trim()})`}`);
    });
    gpu = { ...found, context };
    holder.replaceChildren(
      stage,
      element(
        "p",
        { class: "small faint" },
        "Drag it or use the arrow keys; + and −, or the wheel once it has the focus, come nearer; Home starts again. " +
          "Between measurements heights are interpolated.",
      ),
    );
    load();
    onReady();
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Home") {
      camera = home;
      ask();
    } else if (keys[event.key] !== undefined) move(keys[event.key]);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    // Across the whole picture is half a turn.
    const part = Math.PI / canvas.clientWidth;
    move({ yaw: -event.movementX * part, pitch: event.movementY * part });
  });
  canvas.addEventListener("wheel", (event) => {
    // Without the focus the wheel moves the page, as everywhere else.
    if (document.activeElement !== canvas) return;
    event.preventDefault();
    move({ zoom: Math.exp(-event.deltaY / 600) });
  }, { passive: false });
  scheme.addEventListener("change", ask);
  const sizes = new ResizeObserver(ask);
  sizes.observe(stage);
  // A device is opened for a reader who comes near, not for the page.
  const near = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    near.disconnect();
    void start();
  }, { rootMargin: "200px" });
  near.observe(holder);

  return {
    element: holder,
    show(surface) {
      wanted = surface;
      camera = home;
      load();
    },
    stop() {
      isStopped = true;
      near.disconnect();
      sizes.disconnect();
      scheme.removeEventListener("change", ask);
      shown?.drawing.dispose();
      gpu?.context.unconfigure();
      [shown, gpu] = [null, null];
    },
  };
}
