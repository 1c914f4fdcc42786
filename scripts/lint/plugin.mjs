// The linter's rule `coppice/import-direction`: checks every import against layers.mjs.
import { relative, sep } from "node:path";
import { join } from "node:path/posix";
import { LAYERS } from "./layers.mjs";

/**
 * @param {string} file   path from the top folder
 * @param {string} source what it imports, as written
 * @param {boolean} typesOnly
 * @returns {string | undefined} what is wrong with that
 */
export function importFault(file, source, typesOnly) {
  const layer = LAYERS.find(({ files }) => files.test(file));
  if (!layer) return undefined;
  if (!source.startsWith(".")) {
    return layer.packages ? undefined : `${file} imports the package "${source}": ${layer.says}`;
  }
  const path = join(file, "..", source.replace(/\?.*$/, ""));
  const allowed = typesOnly ? [...layer.may, ...(layer.types ?? [])] : layer.may;
  if (allowed.some((pattern) => pattern.test(path))) return undefined;
  return `${file} imports ${path}: ${layer.says}`;
}

const importDirection = {
  /** @param {any} context */
  create(context) {
    const file = relative(context.cwd, context.filename).split(sep).join("/");
    /** @param {any} node */
    const check = (node) => {
      const source = node.source?.value;
      if (typeof source !== "string") return;
      const typesOnly =
        [node.importKind, node.exportKind].includes("type") || node.type === "TSImportType";
      const message = importFault(file, source, typesOnly);
      if (message) context.report({ node, message });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};

export default {
  meta: { name: "coppice" },
  rules: { "import-direction": importDirection },
};
