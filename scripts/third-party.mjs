// dist/ holds its dependencies, so it must carry their licenses: dist/third-party-licenses.md.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./lib/files.mjs";

/** Bundled like the dependencies, but not among them: it is large, and nobody who installs the package needs it besides. */
const COPIED = ["onnxruntime-web"];
/** Who holds the copyright of a package under the MIT license that ships no text of it. */
const HOLDERS = { "onnxruntime-web": "Microsoft Corporation" };

/** @param {string} path */
const readJson = (path) => JSON.parse(readFileSync(join(ROOT, path), "utf8"));

/** @param {string} name */
function licenseOf(name) {
  const folder = `node_modules/${name}`;
  const { version, license } = readJson(`${folder}/package.json`);
  const file = readdirSync(join(ROOT, folder)).find((entry) => /^licen[sc]e/i.test(entry));
  const text = file ? readFileSync(join(ROOT, folder, file), "utf8").trim() : mitLicense(name);
  return `## ${name} ${version} (${license})\n\n${text}\n`;
}

/**
 * The text that this repository is under, too.
 * @param {string} name
 */
function mitLicense(name) {
  const holder = /** @type {Record<string, string>} */ (HOLDERS)[name];
  if (holder === undefined) throw new Error(`${name} ships no license`);
  const own = readFileSync(join(ROOT, "LICENSE"), "utf8").trim();
  return own.replace(/^Copyright .*$/m, `Copyright (c) ${holder}`);
}

/** @returns {import("vite").Plugin} */
export function thirdPartyLicenses() {
  return {
    name: "coppice:third-party-licenses",
    apply: "build",
    generateBundle() {
      const names = [...Object.keys(readJson("package.json").dependencies), ...COPIED].sort();
      const source = `# What Coppice bundles\n\n${names.map(licenseOf).join("\n")}`;
      this.emitFile({ type: "asset", fileName: "third-party-licenses.md", source });
    },
  };
}
