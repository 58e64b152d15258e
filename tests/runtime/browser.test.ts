// The WASM backend in a real browser: threads on a cross-origin-isolated page, one thread and the reason elsewhere, and the
// bits that Node and Deno compute. Elsewhere than on Linux x64 there is no browser from npm, and the test says so.
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inBrowser } from "../fakes/browser.ts";
import { sharedProduct } from "../fakes/shared_product.ts";

const test = suite("browser");
const hasBrowser = process.platform === "linux" && process.arch === "x64";

const script = `
  import { sharedProduct } from "./tests/fakes/shared_product.ts";
  report(await sharedProduct());
`;

if (hasBrowser) {
  const wanted = await sharedProduct();
  const run = async (isolated: boolean) => {
    const result = await inBrowser(script, { isolated }) as typeof wanted & { error?: string };
    assert.is(result.error, undefined);
    return result;
  };

  test("an isolated page computes on two threads, to the same bits", async () => {
    const { description, bits } = await run(true);
    assert.is(description, "wasm relaxed-simd, 2 threads");
    assert.equal(bits, wanted.bits);
  });

  test("a page that is not isolated computes on one and says why", async () => {
    const { description, bits } = await run(false);
    assert.match(
      description,
      /^wasm relaxed-simd, 1 thread \(2 were asked for, but .*(isolated|SharedArrayBuffer)/,
    );
    assert.equal(bits, wanted.bits);
  });
} else {
  console.log("note: no browser here: @sparticuz/chromium is for Linux x64 only");
  test("this machine has no browser from npm", () => {
    assert.is(hasBrowser, false);
  });
}

test.run();
