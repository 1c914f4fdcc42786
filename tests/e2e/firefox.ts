// A real Firefox with the built package on a page. A page here reports over fetch: in Firefox, a long wait inside an
// evaluated function can end the connection to the page.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type {
  DraftsOptions,
  EngineFacts,
  GenerateOptions,
  LoadOptions,
  LoadProgress,
} from "coppice";
import type { Browser, Page } from "puppeteer-core";
import { ROOT } from "../../scripts/lib/files.mjs";
import { closeFirefox, launchFirefox } from "../../scripts/lib/firefox.mjs";
import { type ReportingServer, serveReporting } from "../../scripts/lib/reporting-server.mjs";
import type { Generated, Outcome } from "./browser.ts";

/** What a page posts. */
type Report<T> = { readonly value: T } | { readonly thrown: string };

/** Milliseconds that one call may take: below the test's own limit, so that the message is this file's. */
const CALL_LIMIT = 150_000;

/** Runs in the page, as text. */
function startAndReport(name: string, body: () => Promise<unknown>): void {
  const post = (report: object): Promise<Response> =>
    fetch(`/report/${name}`, { method: "POST", body: JSON.stringify(report) });
  void body().then(
    (value) => post({ value }),
    (error: unknown) => post({ thrown: String(error) }),
  );
}

/** The page of `page.html`, with the package at `/dist/`. Its engines are known by names that the test chooses. */
export class FirefoxPage {
  readonly #browser: Browser;
  readonly #page: Page;
  readonly #server: ReportingServer;
  readonly #dist: string;
  readonly #problems: string[] = [];
  #calls = 0;

  private constructor(browser: Browser, page: Page, server: ReportingServer, dist: string) {
    this.#browser = browser;
    this.#page = page;
    this.#server = server;
    this.#dist = dist;
    page.on("console", (message) => {
      if (message.type() === "error") this.#problems.push(message.text());
    });
    page.on("pageerror", (error) => this.#problems.push(String(error)));
  }

  /** @param mounts URL prefix to a folder or file */
  static async open(mounts: Readonly<Record<string, string>>): Promise<FirefoxPage> {
    // A copy, because a build beside the tests would take the worker's script from under the page.
    const dist = mkdtempSync(join(tmpdir(), "coppice-dist-"));
    cpSync(join(ROOT, "dist"), dist, { recursive: true });
    const server = await serveReporting({
      "/": fileURLToPath(new URL("page.html", import.meta.url)),
      "/dist/": dist,
      ...mounts,
    });
    const browser = await launchFirefox().catch(async (error: unknown) => {
      await server.close();
      throw error;
    });
    const opened = new FirefoxPage(browser, await browser.newPage(), server, dist);
    try {
      await opened.#page.goto(server.origin);
      await opened.#page.waitForFunction(() => "e2e" in globalThis);
      return opened;
    } catch (cause) {
      await opened.close();
      throw new Error(`the page does not start: ${opened.#problems.join("; ")}`, { cause });
    }
  }

  /** "firefox/..." with its version. */
  version(): Promise<string> {
    return this.#browser.version();
  }

  /** Runs a function of JSON to JSON in the page; it is sent as text, so it sees nothing from around it. */
  async run<A, T>(body: (argument: A) => Promise<T>, argument: A): Promise<T> {
    const name = `call-${this.#calls++}`;
    const answer: Promise<Report<T>> = this.#server.report(name);
    const job = `() => (${String(body)})(${JSON.stringify(argument)})`;
    await this.#page.evaluate(`(${String(startAndReport)})(${JSON.stringify(name)}, ${job})`);
    const report = await this.#inTime(answer);
    if ("thrown" in report) throw new Error(`in the page: ${report.thrown}`);
    return report.value;
  }

  load(
    name: string,
    options: LoadOptions,
  ): Promise<Outcome<{ facts: EngineFacts; progress: LoadProgress[] }>> {
    return this.run(([n, o]) => e2e.load(n, o), [name, options] as const);
  }

  generate(
    name: string,
    prompt: string,
    options: GenerateOptions | DraftsOptions,
  ): Promise<Outcome<Generated>> {
    return this.run(([n, p, o]) => e2e.generate(n, p, o), [name, prompt, options] as const);
  }

  async close(): Promise<void> {
    await closeFirefox(this.#browser);
    await this.#server.close();
    rmSync(this.#dist, { recursive: true });
  }

  async #inTime<T>(answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let gone: (() => void) | undefined;
    const failed = new Promise<never>((_, reject) => {
      const fail = (what: string): void => reject(new Error([what, ...this.#problems].join("; ")));
      timer = setTimeout(() => fail("the page did not answer in time"), CALL_LIMIT);
      gone = () => fail("Firefox ended");
      this.#browser.on("disconnected", gone);
      this.#page.on("close", gone);
    });
    try {
      return await Promise.race([answer, failed]);
    } finally {
      clearTimeout(timer);
      this.#browser.off("disconnected", gone!);
      this.#page.off("close", gone!);
    }
  }
}
