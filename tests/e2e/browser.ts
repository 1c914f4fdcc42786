// A real Chromium with the built package on a page: what every end-to-end test runs on.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type {
  CoppiceErrorCode,
  Engine,
  EngineFacts,
  GenerateOptions,
  GenerateResult,
  LoadOptions,
  LoadProgress,
  StreamPart,
} from "coppice";
import type * as Coppice from "coppice";
import type { Browser, ConsoleMessage, Page } from "playwright-core";
import { launchChromium } from "../../scripts/lib/browser.mjs";
import { ROOT } from "../../scripts/lib/files.mjs";
import { serveStatic } from "../../scripts/lib/static.mjs";

export interface ToldError {
  readonly code: CoppiceErrorCode;
  readonly message: string;
  readonly fix: string;
  readonly isCoppiceError: boolean;
}

export type Outcome<T> =
  | { readonly value: T; readonly error?: never }
  | { readonly error: ToldError; readonly value?: never };

export interface Generated {
  readonly parts: StreamPart[];
  /** Undefined where the loop was left. */
  readonly result: GenerateResult | undefined;
}

/** What page.html offers. */
interface PageHelpers {
  readonly coppice: typeof Coppice;
  readonly engines: Map<string, Engine>;
  /** `library` is the copy of the package whose error class is expected. */
  attempt<T>(body: () => Promise<T>, library?: typeof Coppice): Promise<Outcome<T>>;
  load(
    name: string,
    options: object,
  ): Promise<Outcome<{ facts: EngineFacts; progress: LoadProgress[] }>>;
  generate(
    name: string,
    prompt: unknown,
    options?: object,
    leaveAfter?: number,
  ): Promise<Outcome<Generated>>;
  dispose(name: string): Promise<void>;
  /** Another copy of the package. */
  importFrom(url: string): Promise<typeof Coppice>;
}

declare global {
  var e2e: PageHelpers;
}

/** Names of model folders on the server, to their files. */
export type Folders = Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>;

export interface BrowserOptions {
  /** Written to disk and served as `/models/<name>/`. */
  readonly folders?: Folders;
  /** Served as they are: URL prefix to a folder or file. */
  readonly mounts?: Readonly<Record<string, string>>;
  readonly args?: string[];
  /** Stands in for 127.0.0.1 in the page's address. */
  readonly host?: string;
}

/** A page with the package on it, at `/dist/`; at `/broken/` it lacks its worker. Its engines are known by names that the test chooses. */
export class TestBrowser {
  readonly page: Page;
  readonly origin: string;
  readonly #browser: Browser;
  readonly #cleanUp: (() => Promise<void> | void)[];

  private constructor(
    browser: Browser,
    page: Page,
    origin: string,
    cleanUp: (() => Promise<void> | void)[],
  ) {
    this.#browser = browser;
    this.page = page;
    this.origin = origin;
    this.#cleanUp = cleanUp;
  }

  static async open({
    folders = {},
    mounts = {},
    args = [],
    host = "127.0.0.1",
  }: BrowserOptions = {}): Promise<TestBrowser> {
    const disk = mkdtempSync(join(tmpdir(), "coppice-e2e-"));
    for (const [name, files] of Object.entries(folders)) {
      mkdirSync(join(disk, name));
      for (const [file, bytes] of Object.entries(files))
        writeFileSync(join(disk, name, file), bytes);
    }
    // A copy, because a build beside the tests would take the worker's script from under the page.
    const dist = mkdtempSync(join(tmpdir(), "coppice-dist-"));
    cpSync(join(ROOT, "dist"), dist, { recursive: true });
    const server = await serveStatic({
      "/": fileURLToPath(new URL("page.html", import.meta.url)),
      "/dist/": dist,
      "/broken/index.js": join(dist, "index.js"),
      "/models/": disk,
      ...mounts,
    });
    const browser = await launchChromium({ args });
    const page = await browser.newPage();
    const opened = new TestBrowser(browser, page, server.origin.replace("127.0.0.1", host), [
      () => server.close(),
      () => rmSync(disk, { recursive: true }),
      () => rmSync(dist, { recursive: true }),
    ]);
    await opened.reload();
    return opened;
  }

  /** A fresh page: whatever the last one had is gone. */
  async reload(): Promise<void> {
    const problems: string[] = [];
    const note = (message: ConsoleMessage): void => {
      if (message.type() === "error") problems.push(message.text());
    };
    this.page.on("console", note);
    await this.page.goto(this.origin);
    await this.page
      .waitForFunction(() => "e2e" in globalThis)
      .catch((cause: unknown) => {
        throw new Error(`the page does not start: ${problems.join("; ")}`, { cause });
      });
    this.page.off("console", note);
  }

  load(name: string, options: LoadOptions | object): ReturnType<PageHelpers["load"]> {
    return this.page.evaluate(([n, o]) => e2e.load(n, o), [name, options] as const);
  }

  /** Runs one request to its end, or until the loop is left after `leaveAfter` deltas. */
  generate(
    name: string,
    prompt: unknown,
    options: GenerateOptions | object = {},
    leaveAfter = Number.MAX_SAFE_INTEGER,
  ): Promise<Outcome<Generated>> {
    const request = [name, prompt, options, leaveAfter] as const;
    return this.page.evaluate(([n, p, o, l]) => e2e.generate(n, p, o, l), request);
  }

  dispose(name: string): Promise<void> {
    return this.page.evaluate((n) => e2e.dispose(n), name);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    for (const step of this.#cleanUp) await step();
  }
}

/** The result of a request that must succeed. */
export function resultOf(outcome: Outcome<Generated>): GenerateResult {
  if (outcome.error) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  if (!outcome.value.result) throw new Error("the loop was left before the end");
  return outcome.value.result;
}

/** The value of something that must succeed. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.error) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

/** Waits for what comes true by itself, such as a worker's end. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("it did not come true in 20 seconds");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
