// The library build. Two files come out: dist/index.js, which the page loads, and the worker
// under dist/assets/, which holds the engine, its dependencies and every shader.
import { defineConfig } from "vite";
import { fallbackAsset } from "./scripts/fallback-asset.mjs";
import { minifyWgslPlugin } from "./scripts/minify-wgsl.mjs";
import { plainFallbackUrl } from "./scripts/plain-fallback-url.mjs";
import { plainWorkerUrl } from "./scripts/plain-worker-url.mjs";
import { thirdPartyLicenses } from "./scripts/third-party.mjs";

export default defineConfig({
  // Relative, or the built worker address would start at the consumer's server root.
  base: "./",
  publicDir: false,
  plugins: [minifyWgslPlugin(), plainWorkerUrl(), fallbackAsset(), thirdPartyLicenses()],
  build: {
    target: "es2022",
    sourcemap: false,
    // The declarations in dist/types are written by tsc; each tool leaves the other's files alone.
    emptyOutDir: true,
    lib: { entry: "src/index.ts", formats: ["es"], fileName: "index" },
    // Vite leaves white space in libraries; the page's bundle is small enough to go without.
    rolldownOptions: { output: { minify: true } },
  },
  worker: {
    format: "es",
    // Build-time plugins do not reach worker bundles by themselves.
    plugins: () => [minifyWgslPlugin(), plainFallbackUrl()],
  },
});
