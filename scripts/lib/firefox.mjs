// Finding and starting a Firefox with WebGPU, driven over WebDriver BiDi.
import { homedir } from "node:os";
import { join } from "node:path";
import { testAdapters } from "./adapters.mjs";
import { existsSync } from "./files.mjs";

const LINUX = [
  "/usr/bin/firefox-esr",
  // Not Ubuntu's /usr/bin/firefox: that is a script before a snap, which sees neither profile nor driver.
  "/usr/lib/firefox/firefox",
  "/usr/lib64/firefox/firefox",
  "/opt/firefox/firefox",
];

const MAC = ["/Applications", join(homedir(), "Applications")].map(
  (folder) => `${folder}/Firefox.app/Contents/MacOS/firefox`,
);

const WINDOWS = [process.env["PROGRAMFILES"], process.env["PROGRAMFILES(X86)"]].flatMap((folder) =>
  folder ? [join(folder, "Mozilla Firefox/firefox.exe")] : [],
);

export const FIREFOX_MISSING =
  "No Firefox was found. Install it (Debian: apt-get install firefox-esr; elsewhere Mozilla's own package, not a snap), " +
  "or set FIREFOX_PATH to one.";

/** @returns {string | undefined} the path of a Firefox */
export function findFirefox() {
  const chosen = process.env["FIREFOX_PATH"];
  if (chosen) return existsSync(chosen) ? chosen : undefined;
  const system = { linux: LINUX, darwin: MAC, win32: WINDOWS }[
    /** @type {"linux"} */ (process.platform)
  ];
  return (system ?? []).find((path) => existsSync(path));
}

const PREFERENCES = {
  "dom.webgpu.enabled": true,
  // Software drivers stand on it.
  "gfx.webgpu.ignore-blocklist": true,
  "app.update.disabledForTesting": true,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
};

/** The lavapipe driver, which Firefox is given on Linux whatever else there is; elsewhere it takes the GPU. */
export const firefoxDriver = () => testAdapters().find(({ name }) => name === "lavapipe")?.icd;

/** Milliseconds; a busy machine can take long, and a slow start is no failure. */
const START_LIMIT = 180_000;
/** Milliseconds after which a Firefox that does not end by itself is ended. */
const CLOSE_LIMIT = 10_000;

/** @returns {Promise<import("puppeteer-core").Browser>} a headless Firefox; close it with `closeFirefox` */
export async function launchFirefox() {
  const executablePath = findFirefox();
  if (!executablePath) throw new Error(FIREFOX_MISSING);
  const { launch } = await import("puppeteer-core");
  const driver = firefoxDriver();
  return launch({
    browser: "firefox",
    executablePath,
    headless: true,
    timeout: START_LIMIT,
    protocolTimeout: START_LIMIT,
    extraPrefsFirefox: PREFERENCES,
    env: { ...process.env, ...(driver && { VK_ICD_FILENAMES: driver }) },
  });
}

/**
 * Ends a Firefox and its processes, by force where it does not end by itself.
 * @param {import("puppeteer-core").Browser} browser
 */
export async function closeFirefox(browser) {
  const main = browser.process();
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((done) => {
    timer = setTimeout(done, CLOSE_LIMIT);
  });
  await Promise.race([browser.close().catch(() => undefined), late]);
  clearTimeout(timer);
  if (!main?.pid) return;
  try {
    // Started as a group of its own, which its content and GPU processes belong to.
    process.kill(process.platform === "win32" ? main.pid : -main.pid, "SIGKILL");
  } catch {
    // Nothing is left of it.
  }
}
