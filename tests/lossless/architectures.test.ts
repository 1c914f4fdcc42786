// Speculation changes nothing in any architecture: same seed, same text, from prompts shorter than the windows on, with
// trees that reach over a window's edge.
import { expect, test } from "vitest";
import type { TreeOptions } from "../../src/options.ts";
import { GEMMA, QWEN2, QWEN3 } from "../support/architectures.ts";
import { decodeTokens, loadTestModel, roundSession, withGpu } from "../support/engine.ts";
import { tinyModel } from "../support/tiny-model.ts";

/** Windows are 7 positions wide: the chain is deeper than that. */
const TREES: Record<string, TreeOptions> = {
  "best-first": { kind: "best-first", nodes: 12, depth: 4, width: 3 },
  chain: { kind: "chain", length: 9 },
};
const PROMPT = [1, 9, 4, 7, 3];
const COUNT = 20;

test.each([
  ["gemma3", { ...GEMMA, strength: 1.5, decay: 0.3 }],
  ["qwen3", { ...QWEN3, layers: 4, decay: 0.4 }],
  ["qwen2", { ...QWEN2, layers: 4, decay: 0.4 }],
] as const)("%s: every tree gives the text of plain decoding", (_, options) =>
  withGpu(async (gpu) => {
    const model = tinyModel(options);
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    for (const stages of [{ temperature: 0 }, { temperature: 0.8 }]) {
      const plain = await roundSession(gpu, target, undefined, undefined, { stages });
      const wanted = await decodeTokens(plain, PROMPT, COUNT, { seed: 7 });
      expect(new Set(wanted.tokens).size, "a text that wanders").toBeGreaterThan(4);
      const session = await roundSession(gpu, target, draft, Object.values(TREES), { stages });
      for (const [plan, name] of Object.keys(TREES).entries()) {
        const actual = await decodeTokens(session, PROMPT, COUNT, { seed: 7, rounds: 4, plan });
        expect(actual.tokens, `${name}, ${JSON.stringify(stages)}`).toEqual(wanted.tokens);
        expect(actual.emitted / actual.rounds, "tokens of the draft are kept").toBeGreaterThan(1.1);
      }
    }
  }),
);
