// The same seed on our kernels and on the fallback: the noise has the same bits, and the rest only rounds otherwise.
import { beforeAll, expect, test } from "vitest";
import { resolveEdits } from "../../src/decoder/edit-options.ts";
import { resolveMirostat } from "../../src/decoder/mirostat-options.ts";
import { resolveMomentum } from "../../src/decoder/momentum-options.ts";
import { resolveSampling } from "../../src/decoder/sampling-options.ts";
import { ChainSession } from "../../src/fallback/chain-session.ts";
import type { GraphModel } from "../../src/fallback/graph-model.ts";
import type { RoundSession } from "../../src/tree/rounds.ts";
import { loadTestModel, roundSession, type TestRules, withGpu } from "../support/engine.ts";
import { graphModel, talesFiles, useOrt } from "../support/fallback.ts";
import { LOGIT_ERROR } from "../support/logits.ts";

const COUNT = 20;
const PROMPT = [0, 2732, 661, 259, 538];
const VOCAB = 4096;

/** The draft's logits are below 20. A surprise is the difference of two numbers that err as logits do, on both sides; mu adds them up. */
const SURPRISE_ERROR = (4 * 20 * LOGIT_ERROR) / Math.LN2;

let model: GraphModel;
beforeAll(async () => {
  useOrt();
  model = await graphModel(talesFiles("draft"));
});

const edits = resolveEdits(
  { penalties: { repetition: 1.2, presence: 0.5 }, noRepeatNgram: 2, bannedTokens: [45] },
  VOCAB,
  COUNT,
)!;

const DECODERS: readonly [string, TestRules][] = [
  ["sample", { stages: { temperature: 0.9, topP: 0.95, minP: 0.01 } }],
  ["sample, edited", { stages: { temperature: 1, topK: 50 }, edited: true }],
  ["mirostat", { mirostat: { kind: "mirostat", tau: 4 } }],
  ["momentum", { momentum: { kind: "momentum" } }],
];

/** Tokens, and mu after each where there is one. */
async function written(session: RoundSession, seed: number, edited: boolean) {
  const start = { prompt: PROMPT, seed, maxNewTokens: COUNT, endTokens: [] };
  await session.start({ ...start, ...(edited && { edits }) });
  const outcomes = [];
  while (outcomes.length < COUNT) outcomes.push(...(await session.next({ rounds: 5 })));
  return {
    tokens: outcomes.flatMap(({ tokens }) => tokens),
    mu: outcomes.flatMap(({ surprises }) => surprises?.map((one) => one.mu) ?? []),
  };
}

test.each(DECODERS)("%s: the same tokens", async (_, rules) => {
  const { stages, mirostat, momentum, edited = false } = rules;
  const drawing = mirostat
    ? resolveMirostat("", mirostat, VOCAB)
    : momentum
      ? resolveMomentum("", momentum)
      : { stages: resolveSampling("", stages) };
  const chain = new ChainSession({
    target: model,
    rules: { ...drawing, edited, logProbabilities: undefined },
  });
  await withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, talesFiles("draft"));
    const session = await roundSession(gpu, target, undefined, undefined, rules);
    for (const seed of [1, 2]) {
      const ours = await written(session, seed, edited);
      const theirs = await written(chain, seed, edited);
      expect(theirs.tokens).toEqual(ours.tokens);
      for (const [i, mu] of theirs.mu.entries()) {
        expect(Math.abs(mu - ours.mu[i]!)).toBeLessThan((i + 1) * SURPRISE_ERROR);
      }
      expect(theirs.mu).toHaveLength(mirostat ? COUNT : 0);
    }
  });
});
