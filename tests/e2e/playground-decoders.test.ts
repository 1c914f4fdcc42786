/** The playground's other decoders: several drafts to pick from, Mirostat's plot, edits; and what it says of single words. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../../scripts/lib/browser.mjs";
import { Playground, servePlayground, type Site, tick } from "./playground-page.ts";

const TOKENS = 40;
const FEW = 8;
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
  await tick(page.getByLabel("suggest as I write"));
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
  await tick(page.getByLabel("suggest as I write"), false);
  await expect.poll(() => picks.count()).toBe(0);
});

describe("probabilities", () => {
  const card = () => playground.page.locator("#token-card");

  test("stand beside the word that is pointed at, or reached by the arrow keys", async () => {
    const { page } = playground;
    await playground.setLength(FEW);
    await playground.write();
    await page.locator("#story .token").nth(3).hover();
    const pointed = await card().textContent();
    const shares = (await card().locator(".share").allTextContents()).map(Number.parseFloat);
    expect(shares.length).toBeGreaterThanOrEqual(5);
    expect(shares).toEqual(shares.toSorted((a, b) => b - a));
    expect(await card().locator(".it").count()).toBe(1);
    await page.locator("#story-status").hover();
    expect(await card().isVisible()).toBe(false);
    await page.locator("#story").focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
    expect(await card().textContent()).toBe(pointed);
    await page.keyboard.press("Escape");
    expect(await card().isVisible()).toBe(false);
  });

  test("stand in the tree, as in the text", async () => {
    const { page } = playground;
    await page.locator("#story .round").first().click();
    const kept = page.locator("#tree-view .node.kept").first();
    const number = await kept.locator(".share").textContent();
    await page.locator("#story .round.marked .token").first().hover();
    const share = Number.parseFloat((await card().locator(".it .share").textContent()) ?? "");
    expect(Math.abs(Number(number) - share)).toBeLessThanOrEqual(0.5);
    await kept.hover();
    const pointed = Number.parseFloat((await card().locator(".it .share").textContent()) ?? "");
    expect(pointed).toBe(share);
    await playground.takePicture("playground-probabilities");
  });

  test("show rivals, one of which can take the word's place", async () => {
    const { page } = playground;
    await page.locator("#story .token").nth(2).click();
    const rival = card().locator("button").first();
    const word = (await rival.locator(".word").textContent()) ?? "";
    const before = await playground.story();
    const kept = await page.locator("#story .opening, #story .token").allTextContents();
    await rival.click();
    await playground.reach("ready");
    const after = await playground.story();
    const [opening = "", first = "", second = ""] = kept;
    const start = before.indexOf(second, before.indexOf(first, opening.length)) + second.length;
    expect(after.slice(0, start)).toBe(before.slice(0, start));
    expect(await page.locator("#story .taken").textContent()).toContain(unmarked(word));
    expect(await page.locator("#story .token").count()).toBe(2 + FEW);
    expect(await page.locator("#tree-caption").textContent()).toContain("round");
  });

  test("a word can be banned, until it is allowed again", async () => {
    const { page } = playground;
    const token = page.locator("#story .token").nth(4);
    const word = (await token.textContent()) ?? "";
    const taken = await page.locator("#story .taken").textContent();
    await token.click();
    await card().getByRole("button", { name: "Never write it again" }).click();
    await playground.reach("ready");
    expect(await page.locator("#story .taken").textContent()).toBe(taken);
    const after = await page.locator("#story .token").allTextContents();
    expect(after).toHaveLength(4 + FEW);
    expect(after[4]).not.toBe(word);
    expect(await page.locator("#decoder-summary").textContent()).toContain("1 banned");
    await playground.unfold("#decoder");
    await playground.unfold("#part-edits");
    await page.getByRole("button", { name: /^Allow / }).click();
    expect(await page.locator("#decoder-summary").textContent()).not.toContain("banned");
  });

  test("are not computed where nobody asks", async () => {
    const { page } = playground;
    await tick(page.getByLabel("Probabilities:"), false);
    await playground.write();
    await page.locator("#story .token").nth(3).hover();
    expect(await card().isVisible()).toBe(true);
    expect(await card().locator(".share").count()).toBe(0);
    expect(await page.locator("#tree-view .share").count()).toBe(0);
    await tick(page.getByLabel("Probabilities:"));
  });
});

describe("several drafts", () => {
  const texts = () => playground.page.locator(".draft-text").allTextContents();

  /** Writes drafts, and gives the text that they follow. */
  async function draft(kind: "superposed" | "beam" | "samples", fields: Record<string, string>) {
    await playground.choose(kind);
    await playground.fill("#part-drafts", fields);
    return playground.write();
  }

  test("superposed ones are picked from, and those that follow come from the pick", async () => {
    const { page } = playground;
    const opening = await draft("superposed", { "N-grams": "both", Candidates: "12" });
    expect(opening).toBe(await page.getByLabel("Opening line").inputValue());
    const first = await texts();
    expect(new Set(first).size).toBe(3);
    expect(await page.locator("#tree-caption").textContent()).toContain("10 of 10 · 3 drafts");
    // Every draft is a path from the stump to a leaf of its own.
    const leaves = await page.locator("#tree-view .node:not(.root)").count();
    expect(leaves).toBeGreaterThanOrEqual(3);
    await page.locator("#decoder > summary").click();
    await playground.takePicture("playground-drafts");
    await page.getByRole("button", { name: "Go on from this" }).nth(1).click();
    await playground.reach("ready");
    const story = await playground.story();
    expect(story.startsWith(opening)).toBe(true);
    expect(story.slice(opening.length).trim()).toBe(first[1]);
    expect(await texts()).not.toEqual(first);
  });

  test("another decoder continues what was picked", async () => {
    const before = await playground.story();
    await playground.choose("greedy");
    const after = await playground.write("Continue");
    expect(after.startsWith(before)).toBe(true);
    expect(await playground.countTokens()).toEqual({ plain: FEW });
    expect(await playground.page.locator("#drafts").isVisible()).toBe(false);
  });

  test("beams in groups are ranked, and can be picked from after Stop", async () => {
    const { page } = playground;
    await playground.choose("beam");
    await playground.fill("#part-drafts", { Length: "200", Groups: "2" });
    await page.getByRole("button", { name: "Generate" }).click();
    await expect
      .poll(async () => (await texts()).join("").length, { timeout: 60_000 })
      .toBeGreaterThan(20);
    await page.getByRole("button", { name: "Stop" }).click();
    await playground.reach("ready");
    expect(await page.locator("#story-status").textContent()).toBe("Stopped.");
    await playground.fill("#part-drafts", { Length: "6" });
    const opening = await playground.write();
    const scores = await page.locator(".draft-score").allTextContents();
    const ranks = scores.map((score) => Number(/perplexity ([\d.]+)/.exec(score)?.[1]));
    expect(ranks).toHaveLength(4);
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    const picked = (await texts())[0]!;
    await page.getByRole("button", { name: "Go on from this" }).first().click();
    await playground.reach("ready");
    expect((await playground.story()).slice(opening.length).trim()).toBe(picked);
  });

  test("the first sample is the text of its seed", async () => {
    const { page } = playground;
    await draft("samples", { Length: String(FEW), Samples: "3" });
    const [first] = await texts();
    expect(await page.locator(".draft-score").last().textContent()).toMatch(/^seed 9 ·/);
    await playground.choose("sample");
    await playground.setLength(FEW);
    const opening = await page.getByLabel("Opening line").inputValue();
    expect((await playground.write()).slice(opening.length).trim()).toBe(first);
  });
});

test("stages, edits and ends are as asked for", async () => {
  const { page } = playground;
  await playground.choose("sample");
  await playground.fill("#part-sampling", {
    "Top-k": "40",
    "Typical-p": "0.9",
    "Top-n-sigma": "2",
    Order: "llama.cpp",
  });
  await playground.fill("#part-edits", { "No echo of": "1", Repetition: "1.2", Window: "64" });
  await playground.setLength(24);
  await playground.write();
  const tokens = await page.locator("#story .token").allTextContents();
  expect(tokens).toHaveLength(24);
  // In prompt and text together; a word may begin with a space, or not.
  expect(new Set(tokens).size).toBeGreaterThan(tokens.length - 3);
  expect(await page.locator("#decoder-summary").textContent()).toContain("no 1 word twice");
  const end = tokens.find((word) => /^\p{L}{3,}$/u.test(word))!;
  await playground.fill("#part-ending", { "Stop at": `@@|${end}` });
  expect(await playground.write()).not.toContain(end);
  expect(await page.locator("#story-status").textContent()).toBe("Stopped where you asked it to.");
  await playground.fill("#part-ending", { "Stop at": "" });
  await playground.fill("#part-edits", { "No echo of": "0", Repetition: "1", Window: "" });
});

test("Mirostat's surprise is plotted, a dot per token, against what was asked for", async () => {
  const { page } = playground;
  await expect(page.locator("#surprise").isVisible()).resolves.toBe(false);
  await playground.choose("mirostat");
  await playground.fill("#part-sampling", { Surprise: "2.5" });
  await playground.setLength(TOKENS);
  await playground.write();
  await expect(page.locator("#surprise-plot circle").count()).resolves.toBe(TOKENS);
  await expect(page.locator("#surprise-mean").textContent()).resolves.toMatch(
    /^\d+(\.\d+)? bits a word, asked for 2\.5$/,
  );
  await page.locator("#decoder > summary").click();
  await playground.takePicture("playground-mirostat");
});

test("contrastive search is written plainly, and cannot be raced", async () => {
  const { page } = playground;
  await playground.choose("contrastive");
  await playground.fill("#part-sampling", { Likeness: "0.5" });
  await tick(page.getByLabel("Probabilities:"));
  expect(await page.getByRole("button", { name: "Race" }).isDisabled()).toBe(true);
  await playground.setLength(FEW);
  await playground.write();
  expect(await playground.countTokens()).toEqual({ plain: FEW });
  expect(await page.locator("#notice").isVisible()).toBe(false);
  await page.locator("#story .token").nth(2).hover();
  expect(await page.locator("#token-card .share").count()).toBeGreaterThanOrEqual(5);
  await tick(page.getByLabel("Probabilities:"), false);
});

test.each(["mirostat", "momentum"])("a race over %s gives one text", async (way) => {
  const { page } = playground;
  await playground.choose("speculative");
  await playground.unfold("#part-sampling");
  await tick(page.locator(`input[name=way][value=${way}]`));
  expect(await page.locator("input[name=rule]:enabled").evaluateAll(valuesOf)).toEqual(["coupled"]);
  await playground.setLength(FEW);
  await playground.write("Race");
  expect(await page.locator(".verdict").getAttribute("data-outcome")).toBe("equal");
  expect(await page.locator("#surprise").isVisible()).toBe(way === "mirostat");
});

test("nobody complained", () => {
  expect(playground.complaints).toEqual([]);
});

/** A word without the marks that stand for what cannot be read. */
function unmarked(word: string): string {
  return word.replaceAll(/[‑¶␣…]/gu, "");
}

function valuesOf(inputs: Element[]): string[] {
  return inputs.map((input) => (input as HTMLInputElement).value);
}

function words(text: string | null): number {
  return (text ?? "").trim().split(/\s+/).length;
}
