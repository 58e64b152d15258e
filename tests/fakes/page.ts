// Promises a file as a page in headless Chromium, with keys, pictures and everything that it complains of, by the DevTools protocol over
// pipes (no port, no library). Linux x64 only. Leaves unpacking the browser to browser.ts and what is tried to the test.
import { spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { removeFolder, unpackBrowser } from "./browser.ts";

export interface Page {
  /** The value of an expression, which must survive JSON. */
  evaluate<T>(expression: string): Promise<T>;
  /** Presses and releases a key: "Enter", "Escape", "Tab", "ArrowLeft", "Home", "+". */
  press(key: string): Promise<void>;
  /** Presses the mouse at one point of the window, moves it to another, and lets it go. */
  drag(from: readonly [number, number], to: readonly [number, number]): Promise<void>;
  /** Turns the wheel over a point; below zero is away from the reader. */
  wheel(at: readonly [number, number], by: number): Promise<void>;
  colours(scheme: "light" | "dark"): Promise<void>;
  /** A PNG of the window, or of a part of it. */
  picture(part?: { x: number; y: number; width: number; height: number }): Promise<Uint8Array>;
  /** A PDF of the printed page. */
  print(): Promise<Uint8Array>;
  /** Errors and warnings on the console, exceptions, and addresses of requests other than files and data. */
  complaints: string[];
}

const keys: Record<string, number> = {
  ...{ Enter: 13, Escape: 27, Tab: 9, Home: 36, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 },
  ...{ "+": 187, "-": 189 },
};
/** With these Chromium's WebGPU has the SwiftShader that it ships, and can show what is drawn; without, it has no adapter. */
const software = [
  ...["--enable-unsafe-webgpu", "--enable-features=Vulkan", "--use-vulkan=swiftshader"],
  ...["--use-angle=swiftshader"],
];
const patience = 60_000;

/** An expression: the elements whose own text has less contrast than 4.5 : 1 with what lies behind it. */
export const unreadable = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = channels(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  let seen = 0;
  const bad = [];
  for (const element of document.querySelectorAll("body *:not(script):not(option)")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "")) continue;
    seen++;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(channels(style.color)), luminance(ground(element))].sort((x, y) => x - y);
    if ((b + 0.05) / (a + 0.05) < 4.5 || style.opacity !== "1") bad.push(element.outerHTML.slice(0, 120));
  }
  return { seen, bad };
})()`;

/** Opens a file, by file://, and closes the browser after `work`. `webgpu`: on a GPU in software; `size` of the window. */
export async function withPage<T>(
  path: string,
  work: (page: Page) => Promise<T>,
  { webgpu = false, size = [1280, 900] }: { webgpu?: boolean; size?: readonly [number, number] } = {},
): Promise<T> {
  const folder = await unpackBrowser();
  const profile = await mkdtemp(join(tmpdir(), "repro-page-"));
  const browser = spawn(join(folder, "chromium"), [
    ...["--headless=shell", "--no-sandbox", "--no-zygote", "--disable-dev-shm-usage"],
    ...webgpu ? software : ["--disable-gpu"],
    ...["--disable-background-networking", "--remote-debugging-pipe", `--window-size=${size}`],
    `--user-data-dir=${profile}`,
    "about:blank",
  ], {
    env: { ...process.env, LD_LIBRARY_PATH: join(folder, "lib"), HOME: profile },
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    detached: true,
  });
  const [input, output] = [browser.stdio[3] as Writable, browser.stdio[4] as Readable];
  const waiting = new Map<number, { done(value: any): void; fail(error: Error): void }>();
  const complaints: string[] = [];
  let loaded: () => void;
  const isLoaded = new Promise<void>((done) => loaded = done);
  const events: Record<string, (params: any) => void> = {
    "Page.loadEventFired": () => loaded(),
    "Runtime.exceptionThrown": ({ exceptionDetails }) =>
      complaints.push(exceptionDetails.exception?.description ?? exceptionDetails.text),
    "Runtime.consoleAPICalled": ({ type, args }) => {
      if (type === "error" || type === "warning") {
        complaints.push(args.map((each: any) => each.value).join(" "));
      }
    },
    "Log.entryAdded": ({ entry }) => {
      // Without a GPU Chromium itself says so whenever a page asks for an adapter.
      if (!webgpu && entry.text === "Failed to create WebGPU Context Provider") return;
      complaints.push(`${entry.level}: ${entry.text}`);
    },
    "Network.requestWillBeSent": ({ request }) => {
      if (!/^(file|data|about):/.test(request.url)) complaints.push(`request: ${request.url}`);
    },
  };
  let rest = Buffer.alloc(0);
  output.on("data", (part: Uint8Array) => {
    rest = Buffer.concat([rest, part]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      const message = JSON.parse(rest.subarray(0, end).toString());
      rest = rest.subarray(end + 1);
      if (message.id === undefined) events[message.method]?.(message.params);
      else if (message.error) waiting.get(message.id)?.fail(new Error(`browser: ${message.error.message}`));
      else waiting.get(message.id)?.done(message.result);
    }
  });
  let sent = 0, session: string | undefined;
  const send = (method: string, params: object = {}): Promise<any> =>
    new Promise((done, fail) => {
      const id = ++sent;
      const timer = setTimeout(
        () => fail(new Error(`browser: no answer to ${method} within ${patience} ms`)),
        patience,
      );
      const settled = <V>(then: (value: V) => void) => (value: V) => {
        clearTimeout(timer);
        waiting.delete(id);
        then(value);
      };
      waiting.set(id, { done: settled(done), fail: settled(fail) });
      input.write(JSON.stringify({ id, method, params, ...(session ? { sessionId: session } : {}) }) + "\0");
    });
  const evaluate = async (expression: string) => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", {
      ...{ expression, returnByValue: true, awaitPromise: true },
    });
    if (exceptionDetails) {
      throw new Error(`page: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    }
    return result.value;
  };
  const bytes = ({ data }: { data: string }) => new Uint8Array(Buffer.from(data, "base64"));
  try {
    const { targetId } = await send("Target.createTarget", { url: "about:blank" });
    session = (await send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
    await send("Page.navigate", { url: pathToFileURL(path).href });
    await isLoaded;
    return await work({
      evaluate,
      complaints,
      async press(key) {
        const code = {
          key,
          code: key,
          windowsVirtualKeyCode: keys[key],
          ...(key === "Enter" ? { text: "\r" } : key.length === 1 ? { text: key } : {}),
        };
        await send("Input.dispatchKeyEvent", { type: "keyDown", ...code });
        await send("Input.dispatchKeyEvent", { type: "keyUp", ...code, text: undefined });
      },
      async drag([fromX, fromY], [toX, toY]) {
        const mouse = (type: string, x: number, y: number, buttons: number) =>
          send("Input.dispatchMouseEvent", { type, x, y, buttons, button: "left", clickCount: 1 });
        await mouse("mouseMoved", fromX, fromY, 0);
        await mouse("mousePressed", fromX, fromY, 1);
        await mouse("mouseMoved", toX, toY, 1);
        await mouse("mouseReleased", toX, toY, 0);
      },
      wheel: ([x, y], deltaY) =>
        send("Input.dispatchMouseEvent", { type: "mouseWheel", x, y, deltaX: 0, deltaY }),
      colours: (value) =>
        send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] }),
      picture: async (part) =>
        bytes(
          await send("Page.captureScreenshot", {
            format: "png",
            ...(part === undefined ? {} : { clip: { ...part, scale: 1 } }),
          }),
        ),
      print: async () => bytes(await send("Page.printToPDF", { printBackground: true })),
    });
  } finally {
    const ended = new Promise((resolve) => browser.once("exit", resolve));
    process.kill(-browser.pid!, "SIGKILL");
    await ended;
    for (const stream of [input, output]) stream.destroy();
    await removeFolder(profile);
  }
}
