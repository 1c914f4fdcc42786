// Gives the built page's half the one form of a worker's address that every bundler knows:
// `new Worker(new URL("assets/...", import.meta.url), { type: "module" })`.
// Vite wraps the address into a second `new URL`, which hides the worker from webpack: it then writes
// `import.meta.url` out as a path of the machine that it runs on.

const WRAPPED =
  /new URL\(\s*(?:\/\*.*?\*\/\s*)?(new URL\([`"'][^`"']+[`"'],\s*import\.meta\.url\))\.href,\s*[`"']{2}\s*\+\s*import\.meta\.url\)/g;

/** @returns {import("vite").Plugin} */
export function plainWorkerUrl() {
  return {
    name: "coppice:plain-worker-url",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      let found = 0;
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        chunk.code = chunk.code.replace(WRAPPED, (_, address) => {
          found += 1;
          return address;
        });
      }
      if (found !== 1) this.error(`found ${found} addresses of workers as Vite writes them, not 1`);
    },
  };
}
