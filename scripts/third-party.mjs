// dist/ holds its dependencies, so it must carry their licenses: dist/third-party-licenses.md.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./lib/files.mjs";

/** @param {string} path */
const readJson = (path) => JSON.parse(readFileSync(join(ROOT, path), "utf8"));

/** @param {string} name */
function licenseOf(name) {
  const folder = `node_modules/${name}`;
  const { version, license } = readJson(`${folder}/package.json`);
  const file = readdirSync(join(ROOT, folder)).find((entry) => /^licen[sc]e/i.test(entry));
  const text = file ? readFileSync(join(ROOT, folder, file), "utf8").trim() : "";
  return `## ${name} ${version} (${license})\n\n${text}\n`;
}

/** @returns {import("vite").Plugin} */
export function thirdPartyLicenses() {
  return {
    name: "coppice:third-party-licenses",
    apply: "build",
    generateBundle() {
      const names = Object.keys(readJson("package.json").dependencies).sort();
      const source = `# What Coppice bundles\n\n${names.map(licenseOf).join("\n")}`;
      this.emitFile({ type: "asset", fileName: "third-party-licenses.md", source });
    },
  };
}
