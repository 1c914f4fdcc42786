/** The playground's other faces: phone, dark, local files, no WebGPU. Takes its pictures on the way. */
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium } from "../../scripts/lib/browser.mjs";
import { ROOT } from "../../scripts/lib/files.mjs";
import { Playground, servePlayground, type Site } from "./playground-page.ts";

/** Enough to fill the page in a picture. */
const TOKENS = 90;

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

test.each(["light", "dark"] as const)("a desk in %s", async (colorScheme) => {
  const playground = await Playground.open(browser, site, { colorScheme });
  expect(await playground.reach("ready", "empty")).toBe("ready");
  await playground.setLength(TOKENS);
  await playground.write();
  await showLongestPath(playground);
  await playground.takePicture(`playground-${colorScheme}`);
  expect(playground.complaints).toEqual([]);
  await playground.close();
});

test("a phone: everything within its width, and nothing moves when loaded", async () => {
  const playground = await Playground.open(browser, site, {
    viewport: { width: 360, height: 780 },
    deviceScaleFactor: 2,
  });
  const top = async () => (await playground.page.locator(".sheet").boundingBox())?.y;
  const topBefore = await top();
  expect(await playground.reach("ready", "empty")).toBe("ready");
  expect(await top()).toBe(topBefore);
  await playground.setLength(40);
  await playground.write();
  const { page } = playground;
  const overhang = () =>
    page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
  expect(await overhang()).toBe(0);
  await playground.takePicture("playground-phone", true);
  await page.locator("#decoder summary").click();
  expect(await overhang()).toBe(0);
  await page.getByRole("button", { name: "Change models" }).click();
  expect(await overhang()).toBe(0);
  await playground.close();
});

test("a model folder from this machine, without a draft", async () => {
  const playground = await Playground.open(browser, site);
  const { page } = playground;
  await playground.reach("ready");
  await page.getByRole("button", { name: "Change models" }).click();
  await page.locator("input[name=source-target][value=folder]").check();
  await page.locator("input[name=source-draft][value=none]").check();
  await page.getByLabel(/^Target.*folder$/).setInputFiles(join(ROOT, "models/tales/target"));
  expect(await page.locator(".listing").first().textContent()).toContain("model.safetensors");
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await playground.reach("ready");
  expect(await page.locator("#pair-status").textContent()).toContain("without a draft");
  await playground.setLength(4);
  await playground.write();
  // Speculation needs a draft, so the panel fell back to greedy.
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
  await page.getByRole("button", { name: "Load", exact: true }).click();
  expect(await playground.reach("ready", "empty")).toBe("ready");
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

test("a browser without WebGPU is told what to do", async () => {
  // A page that is not secure has none.
  const args = ["--host-resolver-rules=MAP insecure.test 127.0.0.1"];
  const bare = await launchChromium({ args });
  try {
    const origin = site.origin.replace("127.0.0.1", "insecure.test");
    const playground = await Playground.open(bare, { ...site, origin });
    expect(await playground.reach("empty", "ready")).toBe("empty");
    expect(await playground.page.locator("#notice code").textContent()).toBe("adapter-missing");
    expect(await playground.page.locator(".notice-fix").textContent()).not.toBe("");
  } finally {
    await bare.close();
  }
});

/** Of all rounds the one that kept the longest path: the best to look at. */
async function showLongestPath({ page }: Playground): Promise<void> {
  const lengths = await page
    .locator("#story .round")
    .evaluateAll((rounds) => rounds.map((round) => round.querySelectorAll(".accepted").length));
  const longest = lengths.indexOf(Math.max(...lengths));
  await page.locator("#story .round").nth(longest).click();
}
