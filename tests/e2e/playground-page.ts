/** Drives the built playground in a browser: what the tests do and read, in a visitor's words. */
import { mkdirSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Decoder, DraftsDecoder } from "coppice";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { ensureDemoBuilt } from "../../scripts/lib/build.mjs";
import { ROOT } from "../../scripts/lib/files.mjs";
import { serveStatic } from "../../scripts/lib/static.mjs";

/** Where pictures go; `COPPICE_SCREENSHOTS=docs/images` renews those of the documentation. */
const PICTURES = join(ROOT, process.env["COPPICE_SCREENSHOTS"] ?? ".cache/screenshots");

/** Milliseconds; a software adapter on a busy machine takes its time. */
const PATIENCE = 150_000;

/** Not the root: a static site works in any folder of any server. */
export const FOLDER = "/some/path/";

export interface Site {
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves the built playground. */
export async function servePlayground(): Promise<Site> {
  ensureDemoBuilt();
  // A copy, because a build beside the tests would take files from under the page.
  const folder = await mkdtemp(join(tmpdir(), "coppice-playground-"));
  await cp(join(ROOT, "demo/dist"), folder, { recursive: true });
  const server = await serveStatic({ [FOLDER]: folder });
  const close = async () => {
    await server.close();
    await rm(folder, { recursive: true });
  };
  return { origin: server.origin, close };
}

/** Parts of the decoder's panel; what is left out stays as it is. */
export interface Choices {
  readonly tree?: string;
  readonly rule?: string;
  readonly temperature?: number;
}

export type DecoderKind = (Decoder | DraftsDecoder)["kind"];

type Phase = "loading" | "empty" | "ready" | "writing";

/**
 * Clicks a box or a radio button until it is as wanted. A browser that is short of processors drops a click now and
 * then, and Playwright's own `check` looks only once; a visitor would click again, too.
 */
export async function tick(box: Locator, wanted = true): Promise<void> {
  for (let tries = 1; (await box.isChecked()) !== wanted; tries++) {
    if (tries > 5) throw new Error(`${String(box)} stays ${wanted ? "unchecked" : "checked"}`);
    await box.click();
  }
}

/** One open playground. Everything that a visitor would find wrong in the console is collected. */
export class Playground {
  readonly page: Page;
  /** Console errors and warnings, uncaught errors, and requests to anywhere else. */
  readonly complaints: string[] = [];

  private constructor(page: Page, origin: string) {
    this.page = page;
    page.setDefaultTimeout(PATIENCE);
    page.on("console", (message) => {
      const isBad = ["error", "warning"].includes(message.type());
      if (isBad) this.complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.complaints.push(`uncaught: ${error.message}`));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) {
        this.complaints.push(`request: ${url}`);
      }
    });
  }

  static async open(
    browser: Browser,
    site: Site,
    options: BrowserContextOptions = {},
  ): Promise<Playground> {
    const page = await browser.newPage({
      viewport: { width: 1360, height: 920 },
      reducedMotion: "reduce",
      ...options,
    });
    const playground = new Playground(page, site.origin);
    await page.goto(`${site.origin}${FOLDER}index.html`);
    return playground;
  }

  /** Waits until the page is in one of the phases, and says in which. */
  async reach(...phases: Phase[]): Promise<Phase> {
    const handle = await this.page.waitForFunction(
      (wanted) => wanted.find((phase) => document.documentElement.dataset["phase"] === phase),
      phases,
      { timeout: PATIENCE },
    );
    return (await handle.jsonValue()) as Phase;
  }

  async choose(decoder: DecoderKind, choices: Choices = {}): Promise<void> {
    await this.unfold("#decoder");
    await this.#check("decoder", decoder);
    for (const part of ["tree", "rule"] as const) {
      if (choices[part] === undefined) continue;
      await this.unfold(`#part-${part}`);
      await this.#check(part, choices[part]);
    }
    if (choices.temperature === undefined) return;
    await this.fill("#part-sampling", { Temperature: String(choices.temperature) });
  }

  async unfold(details: string): Promise<void> {
    const panel = this.page.locator(details);
    if ((await panel.getAttribute("open")) === null) await panel.locator("> summary").click();
  }

  #check(group: string, value: string): Promise<void> {
    return tick(this.page.locator(`input[name=${group}][value=${value}]`));
  }

  /** Fills fields of a part of the panel, by their labels; a choice by its words. */
  async fill(part: string, values: Readonly<Record<string, string>>): Promise<void> {
    await this.unfold("#decoder");
    await this.unfold(part);
    for (const [label, value] of Object.entries(values)) {
      const named = this.page.locator(part).getByLabel(label, { exact: true });
      // Decoders that were not chosen may have a field of the same name.
      const control = named.and(this.page.locator(":enabled"));
      const isChoice = await control.evaluate((element) => element instanceof HTMLSelectElement);
      await (isChoice ? control.selectOption(value) : control.fill(value));
    }
  }

  async setLength(tokens: number): Promise<void> {
    await this.page.getByLabel("up to").fill(String(tokens));
  }

  /** Presses a button, waits for the end, and gives the whole text with the opening line. */
  async write(button: "Generate" | "Continue" | "Race" = "Generate"): Promise<string> {
    await this.page.getByRole("button", { name: button, exact: true }).click();
    // The click itself begins the writing, so that "ready" can only be its end.
    await this.reach("ready");
    return this.story();
  }

  /** The text exactly as it stands in the page, line breaks included. */
  async story(): Promise<string> {
    return (await this.page.locator("#story").textContent()) ?? "";
  }

  /** How many tokens stand in the story, by origin. */
  async countTokens(): Promise<Record<string, number>> {
    const classes = await this.page
      .locator("#story .token")
      .evaluateAll((tokens) => tokens.map((token) => token.className.replace("token ", "")));
    const counts: Record<string, number> = {};
    for (const origin of classes) counts[origin] = (counts[origin] ?? 0) + 1;
    return counts;
  }

  async figure(name: string): Promise<number> {
    const text = await this.page.locator(`[data-figure=${name}]`).textContent();
    return Number.parseFloat(text?.replaceAll(",", "") ?? "");
  }

  async takePicture(name: string, fullPage = false): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    // The grain of the desk makes a PNG four times as large.
    const format = { type: "jpeg", quality: 82 } as const;
    await this.page.screenshot({ path: join(PICTURES, `${name}.jpg`), fullPage, ...format });
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}
