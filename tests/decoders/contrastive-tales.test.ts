// Contrastive search on the embedded pair's target repeats itself less than greedy decoding does.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { GpuContrastiveSession } from "../../src/tree/index.ts";
import { adapterName } from "../setup/gpu.ts";
import { loadTestModel, treeSession, withGpu } from "../support/engine.ts";

const ROOT = new URL("../../models/tales/", import.meta.url);

function targetFiles() {
  const folder = new URL("target/", ROOT);
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]),
  );
}

const golden = JSON.parse(readFileSync(new URL("golden/greedy.json", ROOT), "utf8")) as {
  target: { promptIds: number[]; ids: number[] }[];
};

/** Software adapters are slow, SwiftShader most. Of all prompts, 100 tokens each, docs/contrastive.md tells. */
const [COUNT, PROMPTS] = adapterName === "swiftshader" ? [32, [3]] : [48, [3, 7]];

/** The share of a text's sequences of n tokens that it has had before. */
function repetition(tokens: readonly number[], n: number): number {
  const all = tokens.slice(n - 1).map((_, i) => tokens.slice(i, i + n).join(" "));
  return 1 - new Set(all).size / all.length;
}

test("fewer sequences come twice than in greedy text", () =>
  withGpu(async (gpu) => {
    const target = treeSession(gpu, await loadTestModel(gpu, targetFiles()));
    const parts = { target, topK: 4, alpha: 0.6, edited: false };
    const session = await GpuContrastiveSession.create(gpu, gpu.buffers.child("search"), parts);
    for (const prompt of PROMPTS) {
      const { promptIds, ids } = golden.target[prompt]!;
      await session.start({ prompt: promptIds, seed: 0, maxNewTokens: COUNT, endTokens: [] });
      const tokens: number[] = [];
      while (tokens.length < COUNT) {
        tokens.push(...(await session.next({ rounds: 16 })).flatMap((outcome) => outcome.tokens));
      }
      expect(repetition(ids.slice(0, COUNT), 3), "greedy text repeats itself").toBeGreaterThan(0.2);
      expect(repetition(tokens, 3)).toBeLessThan(0.05);
    }
  }));
