// dist/fallback/: the script that runs models on ONNX Runtime, complete in itself, and ONNX Runtime's WebAssembly as it is.
// The worker imports it when it is needed; no other page downloads it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { ROOT } from "./lib/files.mjs";

const WASM = "ort-wasm-simd-threaded.wasm";

/** @returns {import("vite").Plugin} */
export function fallbackAsset() {
  return {
    name: "coppice:fallback-asset",
    apply: "build",
    async generateBundle() {
      const built = await build({
        configFile: false,
        logLevel: "warn",
        publicDir: false,
        plugins: [withoutAddresses()],
        build: {
          target: "es2022",
          write: false,
          lib: { entry: join(ROOT, "src/fallback/index.ts"), formats: ["es"] },
          rolldownOptions: { output: { minify: true } },
        },
      });
      const chunks = [built].flat().flatMap((one) => ("output" in one ? one.output : []));
      const [script] = chunks;
      if (chunks.length !== 1 || script?.type !== "chunk")
        this.error("the fallback is not one script");
      this.emitFile({ type: "asset", fileName: "fallback/ort.js", source: script.code });
      const wasm = readFileSync(join(ROOT, "node_modules/onnxruntime-web/dist", WASM));
      this.emitFile({ type: "asset", fileName: `fallback/${WASM}`, source: wasm });
    },
  };
}

/**
 * ONNX Runtime looks for its WebAssembly beside itself, and Vite would put 14 MB into the script for that. It is always told where
 * the file is.
 * @returns {import("vite").Plugin}
 */
function withoutAddresses() {
  return {
    name: "coppice:without-addresses",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("onnxruntime-web")) return undefined;
      return code.replaceAll(/new URL\("[^"]*\.wasm", ?import\.meta\.url\)\.href/g, '""');
    },
  };
}
