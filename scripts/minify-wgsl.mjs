// Shaders are shipped as text, so their comments and indentation would be shipped too.
// Line breaks stay: an error message of the WGSL compiler still points at a short line.

/** @param {string} wgsl */
export function minifyWgsl(wgsl) {
  return (
    wgsl
      .replace(/\/\*[\s\S]*?\*\//g, " ")
      .split("\n")
      .map((line) =>
        line
          .replace(/\/\/.*$/, "")
          .trim()
          .replace(/\s+/g, " "),
      )
      // Only around marks that can never join another: `vec2<f32> =` must not become `>=`.
      .map((line) => line.replace(/ ?([,;:{}()[\]]) ?/g, "$1"))
      .filter((line) => line !== "")
      .join("\n")
  );
}

/**
 * A Vite plugin that minifies `*.wgsl?raw` imports. It must run before Vite's own `?raw`
 * handling, so it loads the file itself.
 * @returns {import("vite").Plugin}
 */
export function minifyWgslPlugin() {
  return {
    name: "coppice:minify-wgsl",
    enforce: "pre",
    apply: "build",
    async load(id) {
      const [path, query] = id.split("?");
      if (query !== "raw" || !path?.endsWith(".wgsl")) return null;
      const { readFile } = await import("node:fs/promises");
      const text = minifyWgsl(await readFile(path, "utf8"));
      return { code: `export default ${JSON.stringify(text)}`, moduleType: "js" };
    },
  };
}
