/** The playground in a real Firefox: it opens, writes, draws its trees and races, and its text is Chromium's. */
import type { Browser, ElementHandle, Page } from "puppeteer-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closeFirefox, launchFirefox } from "../../scripts/lib/firefox.mjs";
import { surestGolden } from "./playground-facts.ts";
import { FOLDER, servePlayground, type Site } from "./playground-page.ts";

const TOKENS = 16;
/** Milliseconds; below the test's own limit. */
const PATIENCE = 150_000;

let site: Site;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  site = await servePlayground();
  browser = await launchFirefox();
  page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(`${site.origin}${FOLDER}index.html`);
});

afterAll(async () => {
  if (browser) await closeFirefox(browser);
  await site?.close();
});

async function reach(...phases: string[]): Promise<string> {
  // Asked again and again: in Firefox, a long wait inside the page can end the connection to it.
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const phase = await page.evaluate(() => document.documentElement.dataset["phase"] ?? "");
    if (phases.includes(phase)) return phase;
    if (Date.now() > deadline) throw new Error(`the page stays ${phase}: ${complaints.join("; ")}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const textsOf = (selector: string): Promise<string[]> =>
  page.$$eval(selector, (elements) => elements.map(({ textContent }) => textContent ?? ""));

/** Types into the enabled field of that label. */
async function fill(label: string, value: string): Promise<void> {
  const field = await page.evaluateHandle((wanted) => {
    type Field = HTMLInputElement | HTMLTextAreaElement;
    const fields = [...document.querySelectorAll<Field>("input, textarea")];
    return fields.find((one) => {
      const names = [
        one.ariaLabel,
        ...[...(one.labels ?? [])].map(({ textContent }) => textContent),
      ];
      const named = names.some((name) => name?.trim().startsWith(wanted));
      return named && one.checkVisibility() && !one.matches(":disabled");
    });
  }, label);
  const element = field.asElement() as ElementHandle<HTMLInputElement> | null;
  if (!element) throw new Error(`no field is called ${label}`);
  await element.evaluate((one) => one.select());
  await element.type(value);
}

async function press(button: string): Promise<void> {
  await page.locator(`::-p-aria([name="${button}"][role="button"])`).click();
}

test("opens with the embedded pair", async () => {
  expect(await reach("ready", "empty"), (await textsOf("#notice")).join()).toBe("ready");
  expect((await textsOf("#pair-status")).join()).toContain("Tales");
});

test("writes the golden text at temperature 0, with a tree, and draws the trees", async () => {
  const { prompt, text } = surestGolden(TOKENS);
  await page.$$eval("#decoder, #part-sampling", (parts) => {
    for (const part of parts) (part as HTMLDetailsElement).open = true;
  });
  await fill("Temperature", "0");
  await fill("Opening line", prompt);
  await fill("up to", String(TOKENS));
  await press("Generate");
  expect(await reach("ready", "empty")).toBe("ready");
  const [story = ""] = await textsOf("#story");
  expect(story.length).toBeGreaterThan(prompt.length);
  expect(prompt + text).toContain(story);
  expect((await textsOf("#story .token.accepted")).length).toBeGreaterThan(0);
  expect((await textsOf("#tree-view .node")).length).toBeGreaterThan(8);
  expect((await textsOf("#tree-view .node.root")).length).toBe(1);
});

test("a race: both lanes have the same text", async () => {
  await fill("Temperature", "0.8");
  await press("Race");
  expect(await reach("ready", "empty")).toBe("ready");
  const [plain, drafted] = await textsOf(".lane .story");
  expect(plain!.length).toBeGreaterThan(0);
  expect(drafted).toBe(plain);
  expect(await page.$eval(".verdict", (one) => (one as HTMLElement).dataset["outcome"])).toBe(
    "equal",
  );
});

test("Stop ends the writing, and the next request is served", async () => {
  await fill("up to", "300");
  await press("Generate");
  await page.waitForSelector("#story .round");
  // A click by the driver waits for frames that stand still, which a page that writes has few of.
  await page.$eval("#stop", (button) => (button as HTMLButtonElement).click());
  expect(await reach("ready", "empty")).toBe("ready");
  expect((await textsOf("#story-status")).join()).toBe("Stopped.");
  await fill("up to", "4");
  await press("Generate");
  expect(await reach("ready", "empty")).toBe("ready");
  expect(await textsOf("#story .token")).toHaveLength(4);
});

test("nobody complained", () => {
  expect(complaints).toEqual([]);
});
