/** The playground as a visitor meets it: built, served as static files, in a real browser with WebGPU. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../../scripts/lib/browser.mjs";
import { documentedRules, surestGolden } from "./playground-facts.ts";
import { Playground, servePlayground, type Site, tick } from "./playground-page.ts";

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

/** A word without what only the tree or only the story shows: line ends, broken words, spaces. */
const unmarked = (word: string) => word.replaceAll(/[‑¶␣…\s]/gu, "");

describe("with what the page begins with: a best-first tree, and tokens drawn by a seed", () => {
  test("writes several tokens per round, and reads the GPU once", async () => {
    await playground.setLength(TOKENS);
    story = await playground.write();
    const opening = await playground.page.getByLabel("Opening line").inputValue();
    expect(story.startsWith(opening)).toBe(true);
    expect(story.length).toBeGreaterThan(opening.length);
    const { accepted = 0, ...own } = await playground.countTokens();
    expect(accepted).toBeGreaterThan(0);
    expect(accepted + Object.values(own).reduce((sum, count) => sum + count, 0)).toBe(TOKENS);
    const perPass = await playground.figure("block-efficiency");
    expect(perPass).toBeGreaterThan(1);
    expect(await playground.figure("memory-bound-speed-up")).toBeLessThan(perPass);
    const ranks = await playground.page.locator("#ranks .share").allTextContents();
    expect(Number(ranks[0])).toBeGreaterThan(0);
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
    expect(unmarked(stump ?? "")).toBe(unmarked((await before.textContent()) ?? ""));
    await page.locator("#story .round").first().click();
    expect(await caption.textContent()).toContain(`round 1 of ${rounds}`);
    // The words of the kept path stand in the story, in the same order.
    const kept = await page.locator("#tree-view .node.kept .word").allTextContents();
    const words = await page.locator("#story .round.marked .accepted").allTextContents();
    expect(unmarked(words.join(""))).toBe(unmarked(kept.join("")));
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
  test("comes from both sides of a race, and the page says so", async () => {
    await playground.write("Race");
    const lanes = await playground.page.locator(".lane .story").allTextContents();
    expect(lanes).toEqual([story, story]);
    const verdict = playground.page.locator(".verdict");
    expect(await verdict.getAttribute("data-outcome")).toBe("equal");
    expect(await verdict.textContent()).toContain(`${TOKENS} tokens in ${TOKENS} passes`);
  });

  test("comes from the target alone, one plain token per round", async () => {
    await playground.choose("sample");
    expect(await playground.write()).toBe(story);
    expect(await playground.countTokens()).toEqual({ plain: TOKENS });
    expect(await playground.figure("block-efficiency")).toBe(1);
  });

  test("comes from a drawn beam", async () => {
    await playground.choose("speculative", { tree: "rsd-s" });
    expect(await playground.write()).toBe(story);
  });
});

test("another rule gives another text of the same distribution, and the page says so", async () => {
  const { page } = playground;
  await playground.choose("speculative", { tree: "rsd-s", rule: "recursive" });
  await page.getByRole("button", { name: "Draw another seed" }).click();
  await tick(page.getByLabel("measure", { exact: true }));
  await playground.write("Race");
  const [plain, drafted] = await page.locator(".lane .story").allTextContents();
  const outcome = await page.locator(".verdict").getAttribute("data-outcome");
  expect(outcome).toBe(plain === drafted ? "equal" : "other");
  if (outcome === "other")
    expect(await page.locator(".verdict").textContent()).toContain("same distribution");
  await page.getByLabel("seed", { exact: true }).fill("7");
});

test("the GPU's time is split into the phases of a round", async () => {
  const { page } = playground;
  const shares = await page.locator("[data-phase-share]").allTextContents();
  const numbers = shares.map((share) => Number.parseFloat(share));
  expect(numbers).toHaveLength(4);
  // Each is rounded to a whole percentage.
  expect(Math.abs(numbers.reduce((sum, share) => sum + share, 0) - 100)).toBeLessThanOrEqual(2);
  await tick(page.getByLabel("measure", { exact: true }), false);
});

test("at temperature 0 the text is the golden one, and no seed is asked for", async () => {
  const { page } = playground;
  const { prompt, text } = surestGolden(TOKENS);
  await playground.choose("speculative", { tree: "best-first", temperature: 0 });
  expect(await page.getByLabel("seed", { exact: true }).isDisabled()).toBe(true);
  await page.getByLabel("Opening line").fill(prompt);
  const whole = await playground.write();
  expect(whole.length).toBeGreaterThan(prompt.length);
  expect(prompt + text).toContain(whole);
});

describe("the decoder's panel", () => {
  test("offers the rules that are lossless with the chosen tree", async () => {
    const { page } = playground;
    await playground.unfold("#part-tree");
    const trees = page.locator("input[name=tree]");
    for (const tree of await trees.evaluateAll(valuesOf)) {
      await tick(page.locator(`input[name=tree][value=${tree}]`));
      const offered = await page.locator("input[name=rule]:enabled").evaluateAll(valuesOf);
      // Where the tree is chosen while writing, the rule may be, too.
      const documented = [...documentedRules(tree), ...(tree === "auto" ? ["auto"] : [])];
      expect(offered.toSorted(), tree).toEqual(documented.toSorted());
    }
  });

  test("finds a bad number in a folded part, and forgets it where it has no say", async () => {
    const { page } = playground;
    await playground.choose("speculative", { tree: "rsd-c" });
    const branching = page.getByLabel("Branching", { exact: true });
    await branching.fill("9, 9");
    await page.locator("#decoder > summary").click();
    await page.getByRole("button", { name: "Generate" }).click();
    expect(await branching.isVisible()).toBe(true);
    expect(await branching.evaluate((input) => (input as HTMLInputElement).validationMessage)) //
      .toContain("91 nodes");
    const isValid = () =>
      page.locator("#composer").evaluate((form) => (form as HTMLFormElement).checkValidity());
    expect(await isValid()).toBe(false);
    await playground.choose("speculative", { tree: "chain" });
    expect(await isValid()).toBe(true);
  });
});

test("nobody complained, and nothing was fetched from elsewhere", () => {
  expect(playground.complaints).toEqual([]);
});

function valuesOf(inputs: Element[]): string[] {
  return inputs.map((input) => (input as HTMLInputElement).value);
}
