// Log-probabilities of what a round keeps: under the model's own distribution, whatever is drawn and however; in the same
// readback; and at no cost where nobody asks.
import { expect, test } from "vitest";
import type { SamplingStages, TreeOptions, VerifyRule } from "../../src/options.ts";
import type { RoundOutcome } from "../../src/tree/index.ts";
import { logProbOf } from "../reference/gather-log-probs.ts";
import { NO_EDITS } from "../support/edit-cases.ts";
import {
  loadTestModel,
  roundSession,
  startSequence,
  type TestRules,
  treeSession,
  withGpu,
} from "../support/engine.ts";
import { tinyModel } from "../support/tiny-model.ts";

const model = tinyModel({ layers: 4, decay: 0.4 });
const PROMPT = [1, 9, 4, 7, 3];
const CHAIN: TreeOptions = { kind: "rsd-c", branching: [2, 1, 1] };
const BEST: TreeOptions = { kind: "best-first", nodes: 12, depth: 4, width: 3 };
const DRAWN: SamplingStages = { temperature: 0.8, topK: 20, topP: 0.9 };
const EDITS = { ...NO_EDITS, repetition: 1.3, biases: [[17, 4]], noRepeatNgram: 2 } as const;

const RUNS: [string, TreeOptions | undefined, TestRules & { verify?: VerifyRule }][] = [
  ["greedy, plain", undefined, {}],
  ["greedy, a tree", BEST, {}],
  ["drawn and edited, plain", undefined, { stages: DRAWN, edited: true }],
  ["drawn and edited, a tree", BEST, { stages: DRAWN, edited: true }],
  ["a rejecting rule", CHAIN, { stages: DRAWN, verify: "recursive" }],
];

test.each(RUNS)("%s: of every token, from several rounds per readback", (_, tree, rules) =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = tree && (await loadTestModel(gpu, model.files, { layers: 2 }));
    const session = await roundSession(gpu, target, draft, tree, { ...rules, logProbabilities: 3 });
    const scorer = treeSession(gpu, target);
    for (const seed of [1, 2]) {
      await startSequence(session, PROMPT, seed, rules.edited ? EDITS : undefined);
      const outcomes: RoundOutcome[] = [];
      const { readbacks } = session.counts;
      for (const rounds of [1, 5, 3]) outcomes.push(...(await session.next({ rounds })));
      expect(session.counts.readbacks - readbacks).toBe(3);
      const tokens = outcomes.flatMap((outcome) => outcome.tokens);
      const said = outcomes.flatMap((outcome) => outcome.logProbs!);
      expect(said).toHaveLength(tokens.length);
      scorer.rewind(0);
      const whole = [...PROMPT, ...tokens].slice(0, 64);
      const rows = await scorer.score(whole.map((token, i) => ({ token, parent: i - 1 })));
      for (let i = PROMPT.length; i < whole.length; i++) {
        const wanted = logProbOf(rows[i - 1]!, whole[i]!, 3);
        const { logProbability, top } = said[i - PROMPT.length]!;
        expect(logProbability).toBeCloseTo(wanted.logProbability, 4);
        expect(top.map(({ id }) => id)).toEqual(wanted.top.map(({ id }) => id));
        top.forEach((one, j) => {
          expect(one.logProbability).toBeCloseTo(wanted.top[j]!.logProbability, 4);
        });
      }
    }
  }),
);

test("dispatches: none where nobody asks; two for rows that stay, three for rows that are overwritten", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const count = async (rules: TestRules) =>
      (await roundSession(gpu, target, undefined, undefined, rules)).counts.dispatchesPerRound;
    const greedy = await count({});
    expect(greedy).toBe(1 + 4 * 5 + 1 + 1 + 1);
    expect(await count({ logProbabilities: 0 })).toBe(greedy + 2);
    expect(await count({ stages: DRAWN, logProbabilities: 20 })).toBe(
      (await count({ stages: DRAWN })) + 3,
    );
    // Rows that nothing is written into.
    const mirostat = { kind: "mirostat" } as const;
    expect(await count({ mirostat, logProbabilities: 5 })).toBe((await count({ mirostat })) + 2);
    const momentum = { kind: "momentum" } as const;
    expect(await count({ momentum, logProbabilities: 5 })).toBe((await count({ momentum })) + 2);
  }));

test.each(RUNS.slice(1).filter(([, tree]) => tree))(
  "%s: of every node of a shown tree",
  (_, tree, rules) =>
    withGpu(async (gpu) => {
      const target = await loadTestModel(gpu, model.files);
      const draft = await loadTestModel(gpu, model.files, { layers: 2 });
      const session = await roundSession(gpu, target, draft, tree, {
        ...rules,
        logProbabilities: 0,
      });
      const scorer = treeSession(gpu, target);
      await startSequence(session, PROMPT, 3, rules.edited ? EDITS : undefined);
      let text = [...PROMPT];
      for (let round = 0; round < 3; round++) {
        const before = { ...gpu.counters };
        const [outcome] = await session.next({ trees: true });
        const shown = gpu.counters.dispatches - before.dispatches;
        expect(gpu.counters.readbacks - before.readbacks).toBe(1);
        expect(shown).toBe(session.counts.dispatchesPerRound + 1);
        const { tokens, parents, logProbabilities } = outcome!.tree!;
        expect(tokens[0]).toBe(text.at(-1));
        scorer.rewind(0);
        await scorer.prefill(text.slice(0, -1));
        const nodes = tokens.map((token, i) => ({ token, parent: parents[i]! }));
        const rows = await scorer.score(nodes);
        expect(logProbabilities).toHaveLength(tokens.length);
        expect(logProbabilities![0]).toBe(0);
        for (let i = 1; i < tokens.length; i++) {
          const wanted = logProbOf(rows[parents[i]!]!, tokens[i]!, 0).logProbability;
          expect(logProbabilities![i], `node ${i}`).toBeCloseTo(wanted, 4);
        }
        // Of those that were kept it is what the tokens say.
        outcome!.path!.slice(1).forEach((node, j) => {
          expect(logProbabilities![node]).toBe(outcome!.logProbs![j]!.logProbability);
        });
        text = [...text, ...outcome!.tokens];
      }
      const [hidden] = await session.next();
      expect(hidden!.tree).toBeUndefined();
    }),
);
