// Penalties, bans, biases and forced tokens go by each node's own text: what is promised of a rule holds with all of them.
import { expect, test } from "vitest";
import type { ResolvedEdits, SamplingStages, TreeOptions, VerifyRule } from "../../src/options.ts";
import { editRow } from "../reference/edit-rows.ts";
import { chiSquareExcess } from "../support/chi-square.ts";
import { NO_EDITS } from "../support/edit-cases.ts";
import {
  decodeTokens,
  loadTestModel,
  roundSession,
  startSequence,
  treeSession,
  withGpu,
} from "../support/engine.ts";
import { followers, markovPair, transitions, writeTexts } from "../support/markov-pair.ts";
import { tinyModel } from "../support/tiny-model.ts";

const TREES: Record<string, TreeOptions> = {
  chain: { kind: "chain", length: 4 },
  "rsd-s": { kind: "rsd-s", width: 4, depth: 3 },
  paths: { kind: "paths", count: 3, length: 3 },
  "best-first": { kind: "best-first", nodes: 24, depth: 4, width: 6 },
};
const PROMPT = [1, 9, 4, 7, 3, 9, 4];
const COUNT = 26;
const model = tinyModel({ layers: 4, decay: 0.4 });

/** The tokens that the unedited text has, so that bans and biases bite. */
const COMMON = [19, 33, 4, 9, 250];
const EDITS: Record<string, ResolvedEdits> = {
  "repetition, in the whole text": { ...NO_EDITS, repetition: 1.5 },
  "all penalties, in a window": {
    ...NO_EDITS,
    repetition: 1.2,
    presence: 0.5,
    frequency: 0.75,
    window: 6,
  },
  "a reward for repetition, and no bigram twice": { ...NO_EDITS, frequency: -1, noRepeatNgram: 2 },
  everything: {
    repetition: 1.1,
    presence: 0.25,
    frequency: 0.5,
    window: 12,
    noRepeatNgram: 3,
    minNewTokens: 20,
    biases: COMMON.map((id, i) => [id, i - 2]),
    banned: [40, 41, 42],
    forced: [
      [2, 17],
      [9, 17],
      [10, 42],
    ],
  },
};
const GREEDY: SamplingStages = { temperature: 0 };
const DRAWN: SamplingStages = { temperature: 0.9, topP: 0.95 };
const RUNS = [
  ["repetition, in the whole text", GREEDY],
  ["all penalties, in a window", DRAWN],
  ["everything", GREEDY],
  ["everything", DRAWN],
] as const;

test.each(RUNS)("%s, %j: every tree gives the text of plain decoding", (name, stages) =>
  withGpu(async (gpu) => {
    const edits = EDITS[name]!;
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const rules = { stages, edited: true };
    const plain = await roundSession(gpu, target, undefined, undefined, rules);
    const options = { seed: 7, edits };
    const wanted = await decodeTokens(plain, PROMPT, COUNT, options);
    const unedited = await decodeTokens(plain, PROMPT, COUNT, { seed: 7, edits: NO_EDITS });
    expect(wanted.tokens, "edits change the text").not.toEqual(unedited.tokens);
    const session = await roundSession(gpu, target, draft, Object.values(TREES), rules);
    let emitted = 0;
    let rounds = 0;
    for (const [plan, tree] of Object.keys(TREES).entries()) {
      const actual = await decodeTokens(session, PROMPT, COUNT, { ...options, rounds: 4, plan });
      expect(actual.tokens, tree).toEqual(wanted.tokens);
      emitted += actual.emitted;
      rounds += actual.rounds;
    }
    expect(emitted / rounds, "the draft is of use").toBeGreaterThan(1.1);
  }),
);

test("greedy text is the argmax of the reference's edits, at every token", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const session = await roundSession(gpu, target, draft, TREES["best-first"]!, { edited: true });
    const scorer = treeSession(gpu, target);
    for (const edits of Object.values(EDITS)) {
      const ends = COMMON.slice(0, 2);
      const sizes = { seed: 0, maxNewTokens: 1e6, endTokens: ends };
      await session.start({ prompt: PROMPT, ...sizes, edits });
      const outcomes = await session.next({ rounds: 16 });
      const tokens = outcomes.flatMap((outcome) => outcome.tokens);
      expect(tokens.length).toBeGreaterThan(16);
      const whole = [...PROMPT, ...tokens].slice(0, 64);
      scorer.rewind(0);
      const nodes = whole.map((token, i) => ({ token, parent: i - 1 }));
      const rows = await scorer.score(nodes);
      for (let i = PROMPT.length; i < whole.length; i++) {
        const row = editRow(rows[i - 1]!, whole.slice(0, i), PROMPT.length, ends, edits);
        const best = Math.max(...row);
        // Where two tokens are that close, f32 may take the other.
        expect(row[whole[i]!], `token ${i}`).toBeGreaterThanOrEqual(best - 1e-4);
      }
    }
  }));

const PAIR = markovPair(5, 5);
/** With a window of one token, penalties make another table of the target's: the diagonal is lower. */
const LAST: ResolvedEdits = {
  ...NO_EDITS,
  presence: 1.5,
  window: 1,
  biases: [[2, 1]],
  banned: [4],
};
const PENALISED = PAIR.target.map((row, last) => editRow(row, [last], 1, [], LAST));
const LAWS: [TreeOptions, VerifyRule][] = [
  [{ kind: "rsd-c", branching: [2, 2] }, "recursive"],
  [{ kind: "rsd-s", width: 3, depth: 2 }, "traversal"],
];

test.each(LAWS)("the law of edited rows: %j, %s", (tree, verify) =>
  withGpu(async (gpu) => {
    const stages = { temperature: 0.8 };
    const run = { tree, verify, stages, rounds: 500, edits: LAST };
    const { texts, blockEfficiency } = await writeTexts(gpu, PAIR, run);
    const excess = (table: number[][]): number => {
      const { counts, expected } = followers(texts, transitions(table, stages), 1);
      return chiSquareExcess(counts, expected);
    };
    expect(excess(PENALISED)).toBeLessThan(6);
    const withoutPresence = PAIR.target.map((row, last) =>
      editRow(row, [last], 1, [], { ...LAST, presence: 0 }),
    );
    expect(excess(withoutPresence), "another law is told apart").toBeGreaterThan(20);
    expect(blockEfficiency, "the draft is of use").toBeGreaterThan(1.2);
  }),
);

test("without edits no dispatch is added; with them one per pass and one per round", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const count = async (edited: boolean, tree?: TreeOptions) => {
      const session = await roundSession(gpu, target, tree && draft, tree, { edited });
      await startSequence(session, PROMPT, 0, edited ? NO_EDITS : undefined);
      return session.counts.dispatchesPerRound;
    };
    expect(await count(false)).toBe(1 + 4 * 5 + 1 + 1 + 1);
    expect(await count(true)).toBe((await count(false)) + 2);
    // Three levels, the target's pass, the history.
    const tree: TreeOptions = { kind: "rsd-c", branching: [2, 1, 1] };
    expect(await count(true, tree)).toBe((await count(false, tree)) + 3 + 1 + 1);
  }));

test("a session made for edits wants them, and another refuses them", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const session = await roundSession(gpu, target);
    const start = startSequence(session, PROMPT, 0, NO_EDITS);
    await expect(start).rejects.toMatchObject({ code: "internal" });
  }));
