// Decoders with a state or a text of their own, with all that may be asked for beside: edits of the logits, log-probabilities
// under the model's own distribution, and trees that are chosen while decoding.
import { expect, test } from "vitest";
import { DEFAULT_ARMS, treeOf } from "../../src/decoder/adaptive/arms.ts";
import { TreeChooser } from "../../src/decoder/adaptive/tree-chooser.ts";
import type { ResolvedEdits } from "../../src/options.ts";
import type { StreamToken } from "../../src/stream-part.ts";
import { adapterName } from "../setup/gpu.ts";
import { logProbOf } from "../reference/gather-log-probs.ts";
import { NO_EDITS } from "../support/edit-cases.ts";
import {
  loadTestModel,
  roundSession,
  type TestRules,
  treeSession,
  withGpu,
} from "../support/engine.ts";
import { tinyModel } from "../support/tiny-model.ts";
import { writeText } from "../support/write-text.ts";

const PROMPT = [1, 9, 4, 7, 3, 9, 4];
/** SwiftShader takes some 0.2 s per round. */
const isSlow = adapterName === "swiftshader";
const COUNT = isSlow ? 20 : 50;
/** Plain decoding, and the smaller trees. */
const ARMS = DEFAULT_ARMS.slice(0, isSlow ? 2 : 4);
const TOPS = 3;
const EDITS: ResolvedEdits = {
  ...NO_EDITS,
  repetition: 1.2,
  window: 12,
  noRepeatNgram: 3,
  biases: [[17, 2]],
  banned: Array.from({ length: 90 }, (_, i) => 3 * i),
  forced: [[6, 41]],
};
const DECODERS: [string, TestRules][] = [
  ["Mirostat 2", { mirostat: { kind: "mirostat" } }],
  [
    "Mirostat 1, llama.cpp's",
    { mirostat: { kind: "mirostat", version: 1, surprise: "truncated" } },
  ],
  ["momentum", { momentum: { kind: "momentum" } }],
];
const model = tinyModel({ layers: 4, decay: 0.4 });

const RUNS = DECODERS.filter((_, i) => !isSlow || i !== 1).flatMap(([name, rules]) =>
  [undefined, EDITS].map((edits) => [name, edits ? "edited" : "not edited", rules, edits] as const),
);

test.each(RUNS)(
  "%s, %s: the text of the decoder alone, and what the model says of it",
  (_, __, rules, edits) =>
    withGpu(async (gpu) => {
      const target = await loadTestModel(gpu, model.files);
      const draft = await loadTestModel(gpu, model.files, { layers: 2 });
      const request = {
        prompt: PROMPT,
        seed: 7,
        maxNewTokens: COUNT,
        roundsPerReadback: undefined,
        ...(edits && { edits }),
      };
      const made = { ...rules, edited: edits !== undefined };
      const alone = await roundSession(gpu, target, undefined, undefined, made);
      const { tokens: wanted } = await writeText(alone, request);
      expect(wanted).toHaveLength(COUNT);
      if (edits) {
        expect(wanted[6]!.id).toBe(41);
        expect(wanted.filter(({ id }) => edits.banned.includes(id))).toEqual([]);
      }
      const drawn = (tokens: readonly StreamToken[]) =>
        tokens.map(({ id, mu, surprise }) => ({ id, mu, surprise }));

      const scorer = treeSession(gpu, target);
      const whole = [...PROMPT, ...wanted.map(({ id }) => id)];
      const rows = await scorer.score(whole.map((token, i) => ({ token, parent: i - 1 })));
      const asked = { ...made, logProbabilities: TOPS };
      const plain = await roundSession(gpu, target, undefined, undefined, asked);
      const trees = ARMS.flatMap((arm) => treeOf(arm) ?? []);
      const auto = await roundSession(gpu, target, draft, trees, asked);
      const grown = new Set<number>();
      for (const [session, chooser] of [
        [plain, undefined],
        [auto, new TreeChooser(ARMS)],
      ] as const) {
        const { tokens, result } = await writeText(session, { ...request, chooser });
        expect(drawn(tokens)).toEqual(drawn(wanted));
        if (chooser) expect(result.metrics.rounds).toBeLessThan(COUNT);
        tokens.forEach(({ id, logProbability, top, surprise, origin }, i) => {
          grown.add(["plain", "accepted"].indexOf(origin));
          const said = logProbOf(rows[PROMPT.length + i - 1]!, id, TOPS);
          expect(logProbability).toBeCloseTo(said.logProbability, 4);
          expect(top!.map((one) => one.id)).toEqual(said.top.map((one) => one.id));
          top!.forEach((one, j) =>
            expect(one.logProbability).toBeCloseTo(said.top[j]!.logProbability, 4),
          );
          // At temperature 1 and with nothing edited, surprise is the same thing in bits.
          if (surprise !== undefined && !edits) {
            expect(surprise).toBeCloseTo(-said.logProbability / Math.LN2, 3);
          }
        });
      }
      expect(grown.has(0) && grown.has(1), "some tokens with a tree, some without").toBe(true);
    }),
);
