// Brings the machine to where every test can run, or says exactly what is missing.
import { testAdapters } from "./adapters.mjs";
import { aptInstall, aptInstallLavapipe, canUseApt, mesaIsNewEnough } from "./apt.mjs";
import { BROWSER_MISSING, findChromium } from "./browser.mjs";
import { FIREFOX_MISSING, findFirefox } from "./firefox.mjs";

/** @param {string} name */
const hasAdapter = (name) => testAdapters().some((adapter) => adapter.name === name && adapter.icd);

/** Installs what it can, and throws with what to install where it cannot. */
export function requireMachine() {
  if (canUseApt()) {
    // Debian's chromium brings the SwiftShader driver along.
    const chosen = process.env["CHROME_PATH"];
    const chromium = !chosen && (!findChromium() || !hasAdapter("swiftshader"));
    const firefox = !process.env["FIREFOX_PATH"] && !findFirefox();
    const wanted = [...(chromium ? ["chromium"] : []), ...(firefox ? ["firefox-esr"] : [])];
    if (wanted.length > 0) aptInstall(wanted);
    if (!hasAdapter("lavapipe") || !mesaIsNewEnough()) aptInstallLavapipe();
  }
  const missing = testAdapters()
    .filter(({ name, icd }) => name !== "hardware" && !icd)
    .map(({ fix }) => fix);
  if (!findFirefox()) missing.unshift(FIREFOX_MISSING);
  if (!findChromium()) missing.unshift(BROWSER_MISSING);
  if (missing.length > 0) throw new Error(missing.map((fix) => `missing: ${fix}`).join("\n"));
}
