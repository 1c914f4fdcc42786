// Opens the built package in a headless browser, and runs one request there.
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { launchChromium } from "../lib/browser.mjs";
import { ROOT } from "../lib/files.mjs";
import { serveStatic } from "../lib/static.mjs";
import { CommandError } from "./arguments.mjs";

const beside = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * @param {object} job
 * @param {object} job.request what page.mjs runs
 * @param {Record<string, string>} job.mounts model folders by URL
 * @param {import("../lib/browser.mjs").AdapterChoice} job.adapter
 * @param {(kind: string, text: string) => void} job.emit
 */
export async function runInBrowser({ request, mounts, adapter, emit }) {
  const server = await serveStatic({
    ...mounts,
    "/": beside("page.html"),
    "/page.mjs": beside("page.mjs"),
    "/dist/": join(ROOT, "dist"),
  });
  let browser;
  try {
    browser = await launchChromium({ adapter }).catch((error) => {
      throw new CommandError("browser-missing", error.message, "Run npm run setup.");
    });
    const page = await browser.newPage();
    /** @type {Promise<never>} */
    const crashed = new Promise((_, reject) => {
      page.on("crash", () => {
        reject(
          new CommandError("page-crashed", "The browser page crashed.", "Try a smaller model."),
        );
      });
    });
    await page.exposeFunction("emit", emit);
    await page.goto(server.origin, { timeout: 180_000 });
    const answer = page.evaluate(async (job) => {
      const { run } = await import(/** @type {any} */ ("/page.mjs"));
      /** @type {Promise<void>[]} */
      const sent = [];
      const outcome = await run(job, (/** @type {string} */ kind, /** @type {string} */ text) => {
        sent.push(/** @type {any} */ (globalThis).emit(kind, text));
      });
      // The last words must be out before the answer is.
      await Promise.all(sent);
      return outcome;
    }, request);
    return await Promise.race([answer, crashed]);
  } finally {
    await browser?.close();
    await server.close();
  }
}
