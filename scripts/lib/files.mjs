// Small file helpers that Node 20.19 lacks, or that several scripts share.
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export { existsSync };

/** The repository's top folder. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/**
 * Paths that match an absolute pattern with `*` inside its segments (fs.globSync needs Node 22).
 * @param {string} pattern
 * @returns {string[]}
 */
export function globSync(pattern) {
  const [first, ...segments] = pattern.split("/");
  let found = [`${first}/`];
  for (const segment of segments) {
    if (!segment.includes("*")) {
      found = found.map((path) => join(path, segment));
      continue;
    }
    const matcher = new RegExp(`^${segment.replace(/\./g, "\\.").replace(/\*/g, ".*")}$`);
    found = found
      .filter((path) => existsSync(path) && statSync(path).isDirectory())
      .flatMap((path) => readdirSync(path).map((name) => [path, name]))
      .filter(([, name]) => matcher.test(name ?? ""))
      .map(([path, name]) => join(path ?? "", name ?? ""));
  }
  return found.filter((path) => existsSync(path)).sort();
}

/**
 * The newest modification time below a file or folder, in milliseconds; 0 where it does not exist.
 * @param {string} path
 * @returns {number}
 */
export function newestChange(path) {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(
    stats.mtimeMs,
    ...readdirSync(path).map((name) => newestChange(join(path, name))),
  );
}
