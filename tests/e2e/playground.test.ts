/** The playground as a visitor meets it: built, served as static files, in a real browser with WebGPU. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../../scripts/lib/browser.mjs";
import { Playground, servePlayground, type Site } from "./playground-page.ts";

/** Few, because a software adapter writes slowly; enough for several rounds of every tree. */
const TOKENS = 16;

let site: Site;
let browser: Browser;
let playground: Playground;
/** What the pair writes for the opening line that the page brings along. */
let story: string;

beforeAll(async () => {
  site = await servePlayground();
  browser = await launchChromium();
  playground = await Playground.open(browser, site);
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
});

test("opens with the embedded pair, and nothing moves when it has loaded", async () => {
  const top = async () => (await playground.page.locator(".sheet").boundingBox())?.y;
  const before = await top();
  expect(await playground.reach("ready", "empty")).toBe("ready");
  expect(await top()).toBe(before);
  expect(await playground.page.locator("#pair-status").textContent()).toContain("Tales");
});

/** A word of the tree as it stands in the story: the tree shows line ends and broken words. */
const unmarked = (word: string) => word.replaceAll(/[‑¶␣]/gu, "");

describe("with a best-first tree", () => {
  test("writes several tokens per round, and reads the GPU once", async () => {
    await playground.choose("speculative", "best-first");
    await playground.setLength(TOKENS);
    story = await playground.write();
    const opening = await playground.page.getByLabel("Opening line").inputValue();
    expect(story.startsWith(opening)).toBe(true);
    expect(story.length).toBeGreaterThan(opening.length + TOKENS);
    const { accepted = 0, ...own } = await playground.countTokens();
    expect(accepted).toBeGreaterThan(0);
    expect(accepted + Object.values(own).reduce((sum, count) => sum + count, 0)).toBe(TOKENS);
    expect(await playground.figure("block-efficiency")).toBeGreaterThan(1);
    expect(await playground.figure("readbacks-per-round")).toBe(1);
  });

  test("each round's tree is drawn, and can be stepped through", async () => {
    const { page } = playground;
    expect(await page.locator("#tree-view .node").count()).toBeGreaterThan(8);
    expect(await page.locator("#tree-view .node.root").count()).toBe(1);
    const caption = page.locator("#tree-caption");
    const rounds = await playground.figure("rounds");
    expect(await caption.textContent()).toContain(`round ${rounds} of ${rounds}`);
    await page.getByRole("button", { name: "Round before" }).click();
    expect(await caption.textContent()).toContain(`round ${rounds - 1} of ${rounds}`);
    expect(await page.locator("#story .round.marked").count()).toBe(1);
    await page.locator("#story .round").nth(1).click();
    const stump = await page.locator("#tree-view .node.root text").textContent();
    const before = page.locator("#story .round").first().locator(".token").last();
    expect(unmarked(stump ?? "")).toBe(await before.textContent());
    await page.locator("#story .round").first().click();
    expect(await caption.textContent()).toContain(`round 1 of ${rounds}`);
    // The words of the kept path stand in the story, in the same order.
    const kept = await page.locator("#tree-view .node.kept text").allTextContents();
    const words = await page.locator("#story .round.marked .accepted").allTextContents();
    expect(words.join("")).toBe(kept.map(unmarked).join(""));
  });

  test("Continue goes on from where the story stands", async () => {
    const after = await playground.write("Continue");
    expect(after.startsWith(story)).toBe(true);
    expect(after.length).toBeGreaterThan(story.length);
  });

  test("Stop ends the writing, and the next request is served", async () => {
    const { page } = playground;
    await playground.setLength(300);
    await page.getByRole("button", { name: "Generate" }).click();
    await page.locator("#story .round").nth(1).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await playground.reach("ready");
    expect(await page.locator("#story-status").textContent()).toBe("Stopped.");
    expect(await page.locator("#story .token").count()).toBeLessThan(300);
    await playground.setLength(TOKENS);
    expect(await playground.write()).toBe(story);
  });

  test("works by keyboard: Ctrl+Enter writes, Escape stops", async () => {
    const { page } = playground;
    await playground.setLength(300);
    await page.getByLabel("Opening line").focus();
    await page.keyboard.press("Control+Enter");
    await page.locator("#story .round").first().waitFor();
    await page.keyboard.press("Escape");
    await playground.reach("ready");
    expect(await page.locator("#story-status").textContent()).toBe("Stopped.");
    await playground.setLength(TOKENS);
  });

  test("an opening line longer than the context is explained, and the next one works", async () => {
    const { page } = playground;
    const opening = await page.getByLabel("Opening line").inputValue();
    await page.getByLabel("Opening line").fill("once upon a time ".repeat(400));
    await playground.write();
    expect(await page.locator("#notice").textContent()).toContain("context-overflow");
    await page.getByLabel("Opening line").fill(opening);
    expect(await playground.write()).toBe(story);
    expect(await page.locator("#notice").isHidden()).toBe(true);
  });
});

// Every change of decoder compiles shaders, which takes a software adapter seconds: hence this order.
describe("the same text", () => {
  test("comes from greedy, one plain token per round", async () => {
    await playground.choose("greedy");
    expect(await playground.write()).toBe(story);
    expect(await playground.countTokens()).toEqual({ plain: TOKENS });
    expect(await playground.figure("block-efficiency")).toBe(1);
  });

  test("comes from both sides of a race", async () => {
    await playground.write("Race");
    const lanes = await playground.page.locator(".lane .story").allTextContents();
    expect(lanes).toEqual([story, story]);
    const verdict = await playground.page.locator(".verdict").textContent();
    expect(verdict).toContain(`The same ${TOKENS} tokens`);
  });

  test.each(["rsd-c", "chain"])("comes from a tree of kind %s", async (tree) => {
    await playground.choose("speculative", tree);
    expect(await playground.write()).toBe(story);
  });
});

test("nobody complained, and nothing was fetched from elsewhere", () => {
  expect(playground.complaints).toEqual([]);
});
