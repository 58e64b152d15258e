// The surface of tr(F) as a reader has it, in a real browser: flat and with the reason where WebGPU has no adapter, and drawn by WebGPU
// (SwiftShader, which Chromium ships) turned by mouse, wheel and keys. Elsewhere than on Linux x64 there is no browser, and the test says so.
import { Buffer } from "node:buffer";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { renderReport } from "../../repro/report/mod.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { type Page, unreadable, withPage } from "../fakes/page.ts";
import { makeRuns, reportOn } from "../fakes/report.ts";
import { ridges } from "../fakes/surface.ts";

const test = suite("surface page");
const hasBrowser = process.platform === "linux" && process.arch === "x64";
let folder: string, path: string;

const pause = (page: Page, ms: number) => page.evaluate(`new Promise((done) => setTimeout(done, ${ms}))`);
const says = (page: Page, selector: string) =>
  page.evaluate<string | null>(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? null`);
const exists = (page: Page, selector: string) =>
  page.evaluate<boolean>(`document.querySelector(${JSON.stringify(selector)}) !== null`);

/** Waits until an expression is true, at most half a minute. */
async function until(page: Page, expression: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await page.evaluate<boolean>(expression)) return;
    await pause(page, 100);
  }
  throw new Error(`page: never true: ${expression}`);
}

/** Brings the section into the window, so that its surface is opened. */
const visit = (page: Page) =>
  page.evaluate(`document.querySelector(".surfaces").parentElement.scrollIntoView()`);

/** Keeps the page's device in `window.device`. */
const keepDevice = (page: Page) =>
  page.evaluate(`{
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...all) {
      return window.device = await request.apply(this, all);
    };
  }`);

/** The picture of an element once two in a row are equal. */
async function pictureOf(page: Page, selector: string): Promise<Uint8Array> {
  const box = await page.evaluate<{ x: number; y: number; width: number; height: number }>(
    `(() => { const { x, y, width, height } = document.querySelector(${
      JSON.stringify(selector)
    }).getBoundingClientRect(); return { x: x + scrollX, y: y + scrollY, width, height }; })()`,
  );
  let last = new Uint8Array();
  for (let i = 0; i < 30; i++) {
    await pause(page, 100);
    await page.evaluate(`window.device?.queue.onSubmittedWorkDone()`);
    await page.evaluate(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`);
    const picture = await page.picture(box);
    if (Buffer.compare(picture, last) === 0) return picture;
    last = Uint8Array.from(picture);
  }
  throw new Error(`page: the picture of ${selector} never came to rest`);
}

/** How many colours a picture has, and which share of its pixels is chromatic. */
const coloursOf = (page: Page, picture: Uint8Array) =>
  page.evaluate<{ colours: number; chromatic: number }>(`(async () => {
    const image = new Image();
    image.src = "data:image/png;base64,${Buffer.from(picture).toString("base64")}";
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const colours = new Set();
    let chromatic = 0;
    for (let at = 0; at < data.length; at += 4) {
      const [r, g, b] = data.subarray(at, at + 3);
      colours.add(r << 16 | g << 8 | b);
      if (Math.max(r, g, b) - Math.min(r, g, b) > 60) chromatic++;
    }
    return { colours: colours.size, chromatic: chromatic / (data.length / 4) };
  })()`);

if (hasBrowser) {
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), "repro-surface-"));
    path = join(folder, "moths.html");
    const store = new RunStore(join(folder, "runs"));
    await makeRuns(store);
    const data = await reportOn(store);
    const [first, second, ...others] = data.papers[0].surfaces;
    assert.equal([first.runs.length, second.runs.length, others.length], [2, 2, 0]);
    first.surface = ridges();
    await writeFile(path, await renderReport(data));
  });
  test.after(async () => await rm(folder, { recursive: true }));

  test("without an adapter: the flat maps, one line that says why, no complaint of the page, readable", async () => {
    await withPage(path, async (page) => {
      await visit(page);
      await until(page, `document.querySelector(".turnable [role=status]") !== null`);
      assert.is(await says(page, ".turnable"), "Flat only: WebGPU finds no graphics adapter here.");
      assert.is(await exists(page, "canvas"), false);
      assert.is(
        await page.evaluate(
          `[...document.querySelectorAll(".maps svg")].filter((map) => map.checkVisibility()).length`,
        ),
        2,
      );
      const { colours, chromatic } = await coloursOf(page, await pictureOf(page, ".maps svg"));
      assert.ok(colours >= 24 && chromatic > 0.4, `${colours} colours, ${chromatic}`);
      await page.evaluate(`document.querySelectorAll(".maps details").forEach((each) => each.open = true)`);
      for (const scheme of ["light", "dark"] as const) {
        await page.colours(scheme);
        assert.equal((await page.evaluate<{ bad: string[] }>(unreadable)).bad, [], scheme);
      }
      // Chromium's own warning that there is no adapter comes with every question for one.
      const own = page.complaints.filter((each) =>
        !each.includes("Failed to create WebGPU Context Provider")
      );
      assert.equal(own, []);
    });
  });

  test("with WebGPU: a surface in colours, drawn once; mouse, wheel and keys turn it, Home restores every pixel", async () => {
    await withPage(path, async (page) => {
      const stage = ".surfaces .stage";
      const seen = () => pictureOf(page, stage);
      await page.evaluate(`{
        window.drawings = 0;
        const request = requestAnimationFrame;
        window.requestAnimationFrame = (work) => request(() => { window.drawings++; work(); });
      }`);
      await keepDevice(page);
      await visit(page);
      await until(page, `document.querySelector("${stage} text") !== null`);
      const first = await seen();
      const { colours, chromatic } = await coloursOf(page, first);
      assert.ok(colours > 1000 && chromatic > 0.1, `${colours} colours, ${chromatic}`);
      const drawings = () => page.evaluate<number>(`window.drawings`);
      const drawn = await drawings();
      await pause(page, 500);
      assert.is(await drawings(), drawn, "it draws though nothing has changed");
      const labels = await page.evaluate<string[]>(
        `[...document.querySelectorAll("${stage} text")].map(({ textContent }) => textContent)`,
      );
      for (const text of ["layer", "before update", "tr(F)", "11", "131", "0", "0.1", "10"]) {
        assert.ok(labels.includes(text), `${text}: ${labels}`);
      }

      await page.evaluate(`document.querySelector(".surfaces select").focus()`);
      await page.press("Tab");
      assert.is(await page.evaluate(`document.activeElement.tagName`), "CANVAS");
      assert.is(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`), "solid");
      assert.match(
        await page.evaluate<string>(`document.activeElement.getAttribute("aria-label")`),
        /^tr\(F\) of 12 layers at 11 steps as a surface .*Arrow keys/,
      );
      const before = await seen();
      const scrolled = await page.evaluate<number>(`scrollY`);
      const centre = await page.evaluate<[number, number]>(
        `(() => { const { x, y, width, height } = document.querySelector("${stage}").getBoundingClientRect(); return [x + width / 2, y + height / 2]; })()`,
      );
      const ways: [string, () => Promise<void>][] = [
        ...["ArrowLeft", "ArrowUp", "ArrowDown", "ArrowRight", "+", "-"].map((key): typeof ways[number] => [
          key,
          () => page.press(key),
        ]),
        ["dragging", () => page.drag(centre, [centre[0] + 160, centre[1] + 40])],
        ["the wheel", () => page.wheel(centre, -240)],
      ];
      let last = before;
      for (const [name, act] of ways) {
        await act();
        const after = await seen();
        assert.not.equal(Buffer.compare(after, last), 0, `${name} changes nothing`);
        last = after;
      }
      await page.press("Home");
      assert.is(Buffer.compare(await seen(), before), 0, "Home does not restore the first picture");
      assert.is(await page.evaluate(`scrollY`), scrolled, "keys and wheel have moved the page");

      // Another surface, by its map's button, which also takes the focus there.
      await page.evaluate(`document.querySelectorAll(".maps figcaption button")[1].click()`);
      assert.is(await page.evaluate(`document.querySelector(".surfaces select").selectedIndex`), 1);
      assert.is(await page.evaluate(`document.activeElement.tagName`), "CANVAS");
      assert.not.equal(Buffer.compare(await seen(), before), 0);
      await page.colours("dark");
      const night = await coloursOf(page, await seen());
      assert.ok(night.colours > 300, `${night.colours}`);
      assert.equal((await page.evaluate<{ bad: string[] }>(unreadable)).bad, []);
      assert.equal(page.complaints, []);
    }, { webgpu: true, size: [700, 600] });
  });

  test("with WebGPU: a run's panel has its own surface and gives it back; a lost device leaves the map and says so", async () => {
    await withPage(path, async (page) => {
      await keepDevice(page);
      await page.evaluate(`document.querySelector("[data-surface] [data-run]").click()`);
      await page.evaluate(`document.querySelector("#panel .turnable").scrollIntoView()`);
      await until(page, `document.querySelector("#panel .stage text") !== null`);
      const { colours } = await coloursOf(page, await page.picture());
      assert.ok(colours > 300, `${colours}`);
      assert.ok(await exists(page, "#panel svg.map"));
      await page.press("Escape");
      await visit(page);
      await until(page, `document.querySelector(".surfaces .stage text") !== null`);
      await page.evaluate(`window.device.destroy()`);
      await until(page, `document.querySelector(".surfaces [role=status]") !== null`);
      assert.match(await says(page, ".surfaces .turnable") ?? "", /^Flat only: the graphics device was lost/);
      assert.is(await exists(page, ".surfaces canvas"), false);
      assert.ok(await page.evaluate(`document.querySelector(".maps svg").checkVisibility()`));
      // Who opens a run later gets another device.
      await page.evaluate(`document.querySelector("[data-surface] [data-run]").click()`);
      await page.evaluate(`document.querySelector("#panel .turnable").scrollIntoView()`);
      await until(page, `document.querySelector("#panel .stage text") !== null`);
      assert.equal(page.complaints, []);
    }, { webgpu: true, size: [700, 600] });
  });
} else {
  console.log("note: no browser here: @sparticuz/chromium is for Linux x64 only");
  test("this machine has no browser from npm", () => {
    assert.is(hasBrowser, false);
  });
}

test.run();
