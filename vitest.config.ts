// One project per kind of test. GPU tests run once per adapter, each in a process of its own whose
// environment names the Vulkan driver, because a process loads its driver once.
import { fileURLToPath } from "node:url";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { testAdapters } from "./scripts/lib/adapters.mjs";

const alias = { coppice: fileURLToPath(new URL("src/index.ts", import.meta.url)) };

/** What is waited for comes, but on a busy machine not within the usual second. */
const expect = { poll: { timeout: 30_000 } };

/** Slowest first. */
const adapters = testAdapters();

/**
 * Whole texts, laws, and models from files: they say nothing of an adapter that its kernels' tests do not, and take the
 * slowest one the longest.
 */
const WHOLE_TEXTS = [
  ...["tests/decoders/**", "tests/lossless/**"],
  ...["formats", "tales", "oracle", "fallback-text"].map((name) => `tests/engine/${name}.test.ts`),
];
const everywhere = process.env["COPPICE_TEXTS_EVERYWHERE"] !== undefined;

const gpuProjects = adapters.map(({ name, icd, fix }, i): TestProjectInlineConfiguration => ({
  resolve: { alias },
  test: {
    name,
    include: ["tests/{kernels,gpu,engine,decoders,lossless}/**/*.test.ts"],
    exclude: i === 0 && adapters.length > 1 && !everywhere ? WHOLE_TEXTS : [],
    benchmark: { include: ["bench/**/*.bench.ts"] },
    setupFiles: ["tests/setup/dawn.ts"],
    env: {
      COPPICE_ADAPTER: name,
      COPPICE_ADAPTER_FIX: fix,
      ...(icd && { VK_ICD_FILENAMES: icd }),
      // Of the software adapters the slowest at running is by far the fastest at compiling.
      ...(i === 0 && { COPPICE_PLANT_FAULTS: "1" }),
    },
    pool: "forks",
    maxWorkers: 1,
    isolate: false,
    // Long only because the machine may be busy: software adapters compile on the same processors.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
}));

export default defineConfig({
  test: {
    // Two runs side by side would write one file.
    cache: false,
    projects: [
      {
        resolve: { alias },
        test: {
          name: "unit",
          expect,
          include: ["tests/{unit,house,types}/**/*.test.ts"],
          benchmark: { include: [] },
          testTimeout: 60_000,
        },
      },
      ...gpuProjects,
      {
        test: {
          name: "e2e",
          expect,
          include: ["tests/e2e/**/*.test.ts"],
          benchmark: { include: [] },
          globalSetup: ["tests/setup/built.ts"],
          pool: "forks",
          // Each file drives a browser; two at once would only slow each other down.
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
