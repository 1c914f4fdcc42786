// npm packages: installed exactly as the lock file says, and only when they are not.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "./command.mjs";
import { ROOT } from "./files.mjs";

/** @typedef {{ version?: string, optional?: boolean, peer?: boolean }} LockEntry */

/** @param {string} path */
function lockedPackages(path) {
  try {
    const lock = JSON.parse(readFileSync(join(ROOT, path), "utf8"));
    return /** @type {Record<string, LockEntry>} */ (lock.packages);
  } catch {
    return {};
  }
}

export function packagesAreInstalled() {
  const wanted = lockedPackages("package-lock.json");
  const found = lockedPackages("node_modules/.package-lock.json");
  // Optional packages are for other systems; "" is this package itself.
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== "" && !entry.optional && !entry.peer)
    .every(([path, { version }]) => found[path]?.version === version);
}

export function ensurePackages() {
  if (packagesAreInstalled()) return;
  console.error("Installing npm packages ...");
  const { ok, output } = command("npm", ["ci", "--no-audit", "--no-fund"]);
  if (!ok) throw new Error(`npm ci failed\n${output}`);
}
