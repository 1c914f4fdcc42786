/** The playground's other faces: phone, dark, local files, no WebGPU. Takes its pictures on the way. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium } from "../../scripts/lib/browser.mjs";
import { ROOT } from "../../scripts/lib/files.mjs";
import { writeHugeModel } from "./huge-model.ts";
import { Playground, servePlayground, type Site, tick } from "./playground-page.ts";

/** Enough to fill the page where the pictures are wanted, and to draw trees where not. */
const TOKENS = process.env["COPPICE_SCREENSHOTS"] ? 60 : 16;

const PHONE = { width: 360, height: 780 };

let site: Site;
let browser: Browser;

beforeAll(async () => {
  site = await servePlayground();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
});

test("a desk and a phone, light and dark", async () => {
  const playground = await Playground.open(browser, site, { deviceScaleFactor: 1.25 });
  const { page } = playground;
  expect(await playground.reach("ready", "empty")).toBe("ready");
  await playground.setLength(TOKENS);
  await playground.write();
  await showLongestPath(playground);
  await playground.takePicture("playground-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await playground.takePicture("playground-dark");
  await page.setViewportSize(PHONE);
  await playground.takePicture("playground-phone-dark", true);
  await page.emulateMedia({ colorScheme: "light" });
  await playground.takePicture("playground-phone", true);
  expect(await overhang(playground)).toBe(0);
  expect(playground.complaints).toEqual([]);
  await playground.close();
});

test("a phone: everything within its width, and nothing moves when loaded", async () => {
  const playground = await Playground.open(browser, site, { viewport: PHONE });
  const { page } = playground;
  const top = async () => (await page.locator(".sheet").boundingBox())?.y;
  const topBefore = await top();
  expect(await playground.reach("ready", "empty")).toBe("ready");
  expect(await top()).toBe(topBefore);
  await playground.unfold("#decoder");
  for (const part of ["sampling", "tree", "rule", "edits", "ending", "pace"]) {
    await playground.unfold(`#part-${part}`);
    expect(await overhang(playground), part).toBe(0);
  }
  for (const kind of ["superposed", "beam", "samples"] as const) {
    await playground.choose(kind);
    await playground.unfold("#part-drafts");
    expect(await overhang(playground), kind).toBe(0);
  }
  await page.getByRole("button", { name: "Change models" }).click();
  expect(await overhang(playground)).toBe(0);
  await playground.close();
});

test("a model folder from this machine, without a draft", async () => {
  const playground = await Playground.open(browser, site);
  const { page } = playground;
  await playground.reach("ready");
  await page.getByRole("button", { name: "Change models" }).click();
  await tick(page.locator("input[name=source-target][value=folder]"));
  await tick(page.locator("input[name=source-draft][value=none]"));
  await page.getByLabel(/^Target.*folder$/).setInputFiles(join(ROOT, "models/tales/target"));
  expect(await page.locator(".listing").first().textContent()).toContain("model.safetensors");
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await playground.reach("ready");
  expect(await page.locator("#pair-status").textContent()).toContain("without a draft");
  await playground.setLength(4);
  await playground.write();
  // Speculation needs a draft, so the panel fell back to plain sampling.
  expect(await playground.countTokens()).toEqual({ plain: 4 });
  expect(await page.getByRole("button", { name: "Race" }).isDisabled()).toBe(true);
  expect(playground.complaints).toEqual([]);
  await playground.close();
});

test("loading can be cancelled, and begun again", async () => {
  const playground = await Playground.open(browser, site);
  const { page } = playground;
  await playground.reach("ready");
  // Weights that never come, so that there is something to cancel.
  await page.route("**/*.safetensors", () => undefined);
  await page.getByRole("button", { name: "Change models" }).click();
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  expect(await playground.reach("empty", "ready")).toBe("empty");
  expect(await page.getByRole("button", { name: "Generate" }).isDisabled()).toBe(true);
  await page.unroute("**/*.safetensors");
  await page.getByRole("button", { name: "Change models" }).click();
  await playground.unfold("#part-memory");
  await page.getByLabel("Context").fill("64");
  await page.getByRole("button", { name: "Load", exact: true }).click();
  expect(await playground.reach("ready", "empty")).toBe("ready");
  // No more can be asked for than the models hold.
  expect(await page.getByLabel("up to").inputValue()).toBe("64");
  await playground.close();
});

test("a missing model file is explained", async () => {
  const playground = await Playground.open(browser, site);
  const { page } = playground;
  await playground.reach("ready");
  await page.route("**/draft/config.json", (route) => route.fulfill({ status: 404 }));
  await page.getByRole("button", { name: "Change models" }).click();
  await page.getByRole("button", { name: "Load", exact: true }).click();
  expect(await playground.reach("empty", "ready")).toBe("empty");
  expect(await page.locator("#notice code").textContent()).toBe("config-missing");
  await playground.takePicture("playground-error");
  await playground.close();
});

test("a model that the GPU has no room for is explained, and the next one loads", async () => {
  const playground = await Playground.open(browser, site);
  const { page } = playground;
  await playground.reach("ready");
  const limit = await page.evaluate(async () => {
    const adapter = await navigator.gpu.requestAdapter();
    return Math.min(adapter!.limits.maxBufferSize, adapter!.limits.maxStorageBufferBindingSize);
  });
  const folder = writeHugeModel(limit);
  try {
    await page.getByRole("button", { name: "Change models" }).click();
    await tick(page.locator("input[name=source-target][value=folder]"));
    await tick(page.locator("input[name=source-draft][value=none]"));
    await page.getByLabel(/^Target.*folder$/).setInputFiles(folder);
    await page.getByRole("button", { name: "Load", exact: true }).click();
    expect(await playground.reach("empty", "ready")).toBe("empty");
    expect(await page.locator("#notice code").textContent()).toBe("out-of-memory");
    expect(await page.locator(".notice-fix").textContent()).toContain("smaller model");
    await playground.takePicture("playground-out-of-memory");
  } finally {
    rmSync(folder, { recursive: true });
  }
  // Whatever it had taken is free again.
  await page.getByRole("button", { name: "Change models" }).click();
  await tick(page.locator("input[name=source-target][value=embedded]"));
  await tick(page.locator("input[name=source-draft][value=embedded]"));
  await page.getByRole("button", { name: "Load", exact: true }).click();
  expect(await playground.reach("ready", "empty")).toBe("ready");
  await playground.setLength(4);
  await playground.write();
  expect(await page.locator("#story .token").count()).toBe(4);
  await playground.close();
});

test("a browser without WebGPU writes on the fallback, and says so", async () => {
  // A page that is not secure has none.
  const args = ["--host-resolver-rules=MAP insecure.test 127.0.0.1"];
  const bare = await launchChromium({ args });
  try {
    const origin = site.origin.replace("127.0.0.1", "insecure.test");
    const playground = await Playground.open(bare, { ...site, origin });
    expect(await playground.reach("ready", "empty")).toBe("ready");
    expect(await playground.page.locator("#adapter").textContent()).toContain("ONNX Runtime");
    await playground.setLength(4);
    await playground.write();
    expect(await playground.page.locator("#story .token").count()).toBe(4);
  } finally {
    await bare.close();
  }
});

test("a lost GPU is explained, and the models can be loaded again", async () => {
  const frail = await launchChromium();
  try {
    const playground = await Playground.open(frail, site);
    const { page } = playground;
    await playground.reach("ready");
    // As long as the models can, so that it is not over first.
    await playground.setLength(Number(await page.getByLabel("up to").getAttribute("max")));
    await page.getByRole("button", { name: "Generate" }).click();
    await page.locator("#story .round").first().waitFor();
    const session = await frail.newBrowserCDPSession();
    await session.send("Browser.crashGpuProcess");
    await playground.reach("ready");
    expect(await page.locator("#notice code").textContent()).toBe("device-lost");
    await page.getByRole("button", { name: "Load the models again" }).click();
    expect(await playground.reach("ready", "empty")).toBe("ready");
    expect(await page.locator("#notice").isVisible()).toBe(false);
    await playground.setLength(4);
    await playground.write();
    expect(await page.locator("#story .token").count()).toBe(4);
  } finally {
    await frail.close();
  }
});

/** Of all rounds the one that kept the most text: the best to look at. */
async function showLongestPath({ page }: Playground): Promise<void> {
  const lengths = await page.locator("#story .round").evaluateAll((rounds) =>
    rounds.map((round) => {
      const kept = [...round.querySelectorAll(".accepted")];
      return kept.reduce((sum, token) => sum + (token.textContent ?? "").length, 0);
    }),
  );
  const longest = lengths.indexOf(Math.max(...lengths));
  await page.locator("#story .round").nth(longest).click();
}

/** Pixels that stand out of the page's width. */
function overhang({ page }: Playground): Promise<number> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth - clientWidth;
  });
}
