// Brings the machine to where every test can run, or says exactly what is missing.
import { testAdapters } from "./adapters.mjs";
import { aptInstall, aptInstallLavapipe, canUseApt, mesaIsNewEnough } from "./apt.mjs";
import { BROWSER_MISSING, findChromium } from "./browser.mjs";

/** @param {string} name */
const hasAdapter = (name) => testAdapters().some((adapter) => adapter.name === name && adapter.icd);

/** @returns {string[]} what is still missing, each with its fix */
export function ensureMachine() {
  const linux = process.platform === "linux";
  if (linux && canUseApt()) {
    // Debian's chromium brings the SwiftShader driver along.
    if (!findChromium() || !hasAdapter("swiftshader")) aptInstall(["chromium"]);
    if (!hasAdapter("lavapipe") || !mesaIsNewEnough()) aptInstallLavapipe();
  }
  const missing = testAdapters()
    .filter(({ name, icd }) => name !== "hardware" && !icd)
    .map(({ fix }) => fix);
  return findChromium() ? missing : [BROWSER_MISSING, ...missing];
}
