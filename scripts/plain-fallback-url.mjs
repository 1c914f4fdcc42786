// Gives the built worker's addresses of the fallback the form that bundlers look for: `new URL("...", import.meta.url)`. In the sources
// a comment keeps this repository's own build from copying what is not built yet; other bundlers would heed it too.

const IGNORED = /new URL\(\s*\/\* @vite-ignore \*\/\s*/g;

/** @returns {import("vite").Plugin} */
export function plainFallbackUrl() {
  return {
    name: "coppice:plain-fallback-url",
    apply: "build",
    renderChunk(code) {
      const found = code.match(IGNORED)?.length ?? 0;
      if (found !== 2) this.error(`found ${found} addresses of the fallback's files, not 2`);
      return code.replace(IGNORED, "new URL(");
    },
  };
}
