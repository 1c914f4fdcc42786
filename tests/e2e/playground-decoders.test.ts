/** The playground's other decoders: Mirostat with its plot, and suggestions while the opening is written. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium } from "../../scripts/lib/browser.mjs";
import { Playground, servePlayground, type Site } from "./playground-page.ts";

const TOKENS = 40;
let site: Site;
let browser: Browser;
let playground: Playground;

beforeAll(async () => {
  site = await servePlayground();
  browser = await launchChromium();
  playground = await Playground.open(browser, site);
  expect(await playground.reach("ready", "empty")).toBe("ready");
});

afterAll(async () => {
  await playground?.close();
  await browser?.close();
  await site?.close();
});

test("suggestions follow what is typed, and what is picked", async () => {
  const { page } = playground;
  const prompt = page.getByLabel("Opening line");
  const picks = page.locator("#suggestions button");
  await page.getByLabel("suggest as I write").check();
  await prompt.fill("Once upon a time there was a");
  await expect.poll(() => picks.count(), { timeout: 60_000 }).toBe(3);
  // All drafts grow, and the best may change, until they are whole.
  await expect
    .poll(async () => words(await picks.first().textContent()), { timeout: 60_000 })
    .toBeGreaterThan(3);
  const before = await prompt.inputValue();
  await playground.takePicture("playground-suggestions");
  await prompt.press("Alt+1");
  const after = await prompt.inputValue();
  expect(after.startsWith(before)).toBe(true);
  expect(words(after)).toBeGreaterThan(words(before) + 1);
  await expect.poll(() => picks.count(), { timeout: 60_000 }).toBe(3);
  await page.getByLabel("suggest as I write").uncheck();
  await expect.poll(() => picks.count()).toBe(0);
});

test("Mirostat's surprise is plotted, a dot per token, against what was asked for", async () => {
  const { page } = playground;
  await expect(page.locator("#surprise").isVisible()).resolves.toBe(false);
  await playground.unfold("#decoder");
  await page.getByText("Mirostat", { exact: true }).click();
  await playground.unfold("#part-mirostat");
  await page.locator("#mirostat-tau").fill("2.5");
  await playground.setLength(TOKENS);
  await playground.write();
  await expect(page.locator("#surprise-plot circle").count()).resolves.toBe(TOKENS);
  await expect(page.locator("#surprise-mean").textContent()).resolves.toMatch(
    /^\d+(\.\d+)? bits a word, asked for 2\.5$/,
  );
  await playground.takePicture("playground-mirostat");
  expect(playground.complaints).toEqual([]);
});

function words(text: string | null): number {
  return (text ?? "").trim().split(/\s+/).length;
}
