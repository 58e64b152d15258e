// The report as its reader has it: written by the command, opened from file:// in a real browser, used with keys alone, in light and in
// dark. Elsewhere than on Linux x64 there is no browser from npm, and the test says so.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { renderReport } from "../../repro/report/mod.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { type Page, unreadable, withPage } from "../fakes/page.ts";
import { makeRuns, reportOn } from "../fakes/report.ts";

const test = suite("report page");
const hasBrowser = process.platform === "linux" && process.arch === "x64";
const root = fileURLToPath(new URL("../../", import.meta.url));
const command = "deno" in process.versions
  ? [process.execPath, "run", "-A", "--no-check", join(root, "cli/main.ts")]
  : [process.execPath, join(root, "cli/repro.mjs")];
let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "repro-report-page-"));
});
test.after(async () => await rm(folder, { recursive: true }));

const visibleRows = (page: Page) =>
  page.evaluate<string[]>(
    `[...document.querySelectorAll("tr[data-row][data-verdicts]:not([data-table=runs])")].filter((row) => row.checkVisibility()).map((row) => row.querySelector("th").textContent)`,
  );
const choose = (page: Page, name: string, value: string) =>
  page.evaluate(
    `{ const field = document.querySelector("[name=${name}]"); field.value = ${
      JSON.stringify(value)
    }; field.dispatchEvent(new Event("input", { bubbles: true })); }`,
  );

if (hasBrowser) {
  test("an invented paper: filters hide rows, a number opens its runs by keys and gives the focus back", async () => {
    const store = new RunStore(join(folder, "runs"));
    await makeRuns(store, "rev");
    const path = join(folder, "moths.html");
    await writeFile(path, await renderReport(await reportOn(store)));
    await withPage(path, async (page) => {
      const all = ["Lamp all", "Lamp all+Up", "Sun all", "XNLI, Lamp"];
      assert.equal(await visibleRows(page), all);
      await choose(page, "text", "UPWARDS lamp");
      assert.equal(await visibleRows(page), ["Lamp all+Up"]);
      assert.match(
        await page.evaluate<string>(`document.getElementById("shown").textContent`),
        /^1 of \d+ rows/,
      );
      await choose(page, "text", "");
      await choose(page, "verdict", "missing");
      assert.equal(await visibleRows(page), ["Lamp all+Up"]);
      await choose(page, "verdict", "inconsistent");
      assert.equal(await visibleRows(page), ["XNLI, Lamp"]);
      assert.is(
        await page.evaluate(
          `[...document.querySelectorAll("[data-cell]")].filter((cell) => cell.checkVisibility({ visibilityProperty: true })).length`,
        ),
        1,
      );
      await choose(page, "verdict", "");
      await choose(page, "model", "sun");
      assert.equal(await visibleRows(page), ["Sun all"]);
      await choose(page, "table", "moths-table2");
      assert.equal(await visibleRows(page), []);
      await page.evaluate(`document.querySelector("form button").click()`);
      await page.evaluate(`new Promise((done) => setTimeout(done, 20))`);
      assert.equal(await visibleRows(page), all);

      await page.press("Tab");
      const focused = () =>
        page.evaluate<string>(`document.activeElement.dataset.cell ?? document.activeElement.textContent`);
      assert.is(await focused(), "Skip to the tables");
      assert.not.equal(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`), "none");
      await page.press("Enter");
      // From the main part on: the paper's sections, a table's region, its first number.
      const reached: string[] = [];
      for (let i = 0; i < 8 && reached.at(-1) !== "0"; i++) {
        await page.press("Tab");
        reached.push(await focused());
      }
      assert.is(reached.at(-1), "0", reached.join(" | "));
      await page.press("Enter");
      const panel = (what: string) => page.evaluate<string>(`document.getElementById("panel").${what}`);
      assert.is(await panel("open"), true);
      assert.match(
        await panel("textContent"),
        /Table 1, Lamp all, XNLI, En, accuracy.*70\.00 ± 0\.50.*line 12/s,
      );
      await page.press("Tab");
      assert.match(await focused(), /^run [0-9a-f]{16}$/);
      await page.press("Enter");
      assert.match(await panel("textContent"), /feeds Table 1: 3 cells/);
      const titles = "#panel [aria-label='tr(F) of 3 layers at 2 steps'] title";
      assert.equal(
        await page.evaluate(
          `[...document.querySelectorAll(${
            JSON.stringify(titles)
          })].map((title) => title.textContent.split("\\n")[0])`,
        ),
        ["before update 2, layer: tr(F)", "before update 4, layer: tr(F)"],
      );
      // It tracked no averages, which nobody misses where every layer is shown.
      assert.not.match(await panel("textContent"), /open adapters/);
      assert.match(
        await panel("textContent"),
        /Specification.*modelRevision.*Provenance.*device.*fake.*layer 11 opened/s,
      );
      assert.equal((await page.evaluate<{ bad: string[] }>(unreadable)).bad, []);
      await page.press("Escape");
      assert.is(await panel("open"), false);
      assert.is(await focused(), "0");
      assert.equal(page.complaints, []);
    });
  });

  test("the paper, with no run at all: written whole, no complaint, readable in light and dark, and printed", async () => {
    const path = join(folder, "report.html");
    const code = await new Promise((done) =>
      spawn(command[0], [
        ...command.slice(1),
        "report",
        "--seeds",
        "1",
        "--store",
        join(folder, "none"),
        "--out",
        path,
      ], {
        cwd: root,
        stdio: "ignore",
      }).on("close", done)
    );
    assert.is(code, 0);
    assert.equal((await readdir(folder)).filter((name) => name.includes("tmp")), []);
    assert.ok((await readFile(path)).length < 3e6);
    await withPage(path, async (page) => {
      const sections = await page.evaluate<string[]>(
        `[...document.querySelectorAll("main section[id]")].map(({ id }) => id.split("-").at(-1))`,
      );
      for (let i = 1; i <= 18; i++) assert.ok(sections.includes(`table${i}`), `table${i}`);
      for (let i = 1; i <= 6; i++) assert.ok(sections.includes(`figure${i}`), `figure${i}`);
      assert.ok(
        await page.evaluate(
          `[...document.images].every((image) => image.complete && image.naturalWidth > 100 && image.alt !== "")`,
        ),
      );
      assert.ok(
        await page.evaluate(
          `[...document.querySelectorAll("a[href^='#']")].every((link) => document.querySelector(link.hash))`,
        ),
      );
      assert.ok(await page.evaluate(`document.documentElement.scrollWidth <= innerWidth`));
      for (const scheme of ["light", "dark"] as const) {
        await page.colours(scheme);
        const { seen, bad } = await page.evaluate<{ seen: number; bad: string[] }>(unreadable);
        assert.ok(seen > 1000, `${seen}`);
        assert.equal(bad, [], scheme);
      }
      // No entry of the contents goes on in the next column.
      assert.ok(
        await page.evaluate(
          `[...document.querySelectorAll("nav li")].every((entry) => entry.getClientRects().length === 1)`,
        ),
      );
      assert.match(
        await page.evaluate<string>(`document.getElementById("fun-with-fisher-table1").textContent`),
        /What its checks notice.*language-not-swapped \(.*?\): 2 of 36 cells notice it/s,
      );
      const left = (part: string) =>
        page.evaluate<string[]>(
          `[...document.querySelectorAll("#fun-with-fisher-${part} [data-row]")].filter((row) => row.checkVisibility()).map((row) => row.dataset.verdicts)`,
        );
      for (
        const [verdict, part, other] of [["contradiction", "audit", "claims"], ["fails", "claims", "audit"]]
      ) {
        await choose(page, "verdict", verdict);
        const found = await left(part);
        assert.ok(found.length > 0 && found.every((each) => each.split("|").includes(verdict)), verdict);
        assert.equal(await left(other), []);
      }
      await choose(page, "verdict", "");
      assert.is(new TextDecoder().decode((await page.print()).slice(0, 5)), "%PDF-");
      assert.equal(page.complaints, []);
    });
    await withPage(path, async (page) => {
      // A narrow window: where a link leads is seen, pictures keep their size and are moved inside their box.
      await page.evaluate(`location.hash = "fun-with-fisher-figure3"`);
      await page.evaluate(`new Promise((done) => setTimeout(done, 50))`);
      assert.ok(
        await page.evaluate(
          `{ const heading = document.querySelector("#fun-with-fisher-figure3 h3"), { left, top } = heading.getBoundingClientRect(); top >= 0 && document.elementFromPoint(left + 4, top + 4) === heading }`,
        ),
      );
      assert.ok(
        await page.evaluate(`[...document.images].every(({ width, naturalWidth }) => width >= naturalWidth)`),
      );
      assert.ok(await page.evaluate(`document.documentElement.scrollWidth <= innerWidth`));
    }, { size: [420, 800] });
  });
} else {
  console.log("note: no browser here: @sparticuz/chromium is for Linux x64 only");
  test("this machine has no browser from npm", () => {
    assert.is(hasBrowser, false);
  });
}

test.run();
