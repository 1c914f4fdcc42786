// Finding and starting a Chromium with WebGPU: the system's own first, then Playwright's.
import { homedir } from "node:os";
import { join } from "node:path";
import { SLOW_DAWN_FEATURES } from "./adapters.mjs";
import { existsSync, globSync } from "./files.mjs";

const LINUX = [
  "/usr/bin/chromium",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/google-chrome",
  "/usr/bin/microsoft-edge",
  // Ubuntu's own is a snap behind a script, which cannot run as root in a container.
  "/usr/bin/chromium-browser",
];

const MAC = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];

const WINDOWS = [process.env["PROGRAMFILES"], process.env["PROGRAMFILES(X86)"]].flatMap((folder) =>
  folder
    ? [
        join(folder, "Google/Chrome/Application/chrome.exe"),
        join(folder, "Microsoft/Edge/Application/msedge.exe"),
      ]
    : [],
);

/** Not the headless shell that lies beside it: that one has no WebGPU. */
const PLAYWRIGHT = [
  ".cache/ms-playwright/chromium-*/chrome-linux*/chrome",
  "Library/Caches/ms-playwright/chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
].map((pattern) => join(homedir(), pattern));

/** @returns {string | undefined} the path of a Chromium, Chrome or Edge */
export function findChromium() {
  const chosen = process.env["CHROME_PATH"];
  if (chosen) return existsSync(chosen) ? chosen : undefined;
  const system = { linux: LINUX, darwin: MAC, win32: WINDOWS }[
    /** @type {"linux"} */ (process.platform)
  ];
  return [...(system ?? []), ...PLAYWRIGHT]
    .flatMap((path) => (path.includes("*") ? globSync(path) : path))
    .find((path) => existsSync(path));
}

/** @typedef {"auto" | "hardware" | "swiftshader"} AdapterChoice */

const SOFTWARE_ADAPTER = [
  "--use-webgpu-adapter=swiftshader",
  `--disable-dawn-features=${SLOW_DAWN_FEATURES}`,
];

/** @param {AdapterChoice} choice */
function usesHardware(choice) {
  if (choice !== "auto") return choice === "hardware";
  if (process.platform !== "linux") return true;
  return globSync("/dev/dri/renderD*").length > 0 || existsSync("/dev/nvidia0");
}

/**
 * Starts a headless Chromium whose WebGPU works, with or without a GPU.
 * @param {{ adapter?: AdapterChoice, args?: string[] }} [options] adapter: default `$COPPICE_BROWSER_ADAPTER`, else auto
 */
export async function launchChromium({ adapter, args = [] } = {}) {
  const executablePath = findChromium();
  if (!executablePath) throw new Error(BROWSER_MISSING);
  const { chromium } = await import("playwright-core");
  const fromEnvironment = /** @type {AdapterChoice | undefined} */ (
    process.env["COPPICE_BROWSER_ADAPTER"]
  );
  const hardware = usesHardware(adapter ?? fromEnvironment ?? "auto");
  return chromium.launch({
    executablePath,
    // A busy machine can take long, and a slow start is no failure.
    timeout: 180_000,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      ...(hardware ? ["--enable-features=Vulkan"] : SOFTWARE_ADAPTER),
      ...args,
    ],
  });
}

export const BROWSER_MISSING =
  "No browser with WebGPU was found. Install Chromium, Chrome or Edge (Debian: apt-get install chromium), " +
  "or run `npx playwright-core install chromium`, or set CHROME_PATH to one.";
