// Momentum goes by the text so far, which differs from node to node: still the text is that of plain decoding, with any
// tree, draft and number of rounds between readbacks.
import { expect, test } from "vitest";
import { adapterName } from "../setup/gpu.ts";
import type { MomentumDecoder, ResolvedEdits, TreeOptions } from "../../src/options.ts";
import { NO_EDITS } from "../support/edit-cases.ts";
import {
  decodeTokens,
  loadTestModel,
  roundSession,
  startSequence,
  withGpu,
} from "../support/engine.ts";
import { realPairs } from "../support/real-pairs.ts";
import { tinyModel } from "../support/tiny-model.ts";

const TREES: Record<string, TreeOptions> = {
  chain: { kind: "chain", length: 4 },
  "rsd-c": { kind: "rsd-c", branching: [6, 2, 1] },
  "rsd-s": { kind: "rsd-s", width: 4, depth: 3 },
  paths: { kind: "paths", count: 3, length: 3 },
  "best-first": { kind: "best-first", nodes: 24, depth: 4, width: 7 },
};
const kind = "momentum";
const PROMPT = [1, 9, 4, 7, 3, 9, 4];
/** SwiftShader takes some 0.2 s per round. */
const isSlow = adapterName === "swiftshader";
const COUNT = isSlow ? 12 : 24;
const model = tinyModel({ layers: 4, decay: 0.4 });
const other = tinyModel({ layers: 1, seed: 99 });
const EDITS: ResolvedEdits = { ...NO_EDITS, repetition: 1.2, window: 9, noRepeatNgram: 3 };
const RUNS: [string, MomentumDecoder, ResolvedEdits?][] = [
  ["the paper's", { kind }],
  ["with edits before", { kind, topK: 9, alpha: 0.02, resistance: [0.5, 1, 4] }, EDITS],
];

test.each(RUNS)("%s: every tree gives the text of plain decoding", (_, momentum, edits) =>
  withGpu(async (gpu) => {
    const rules = { momentum, edited: edits !== undefined };
    const options = edits ? { edits } : {};
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const adversary = await loadTestModel(gpu, other.files);
    const plain = await roundSession(gpu, target, undefined, undefined, rules);
    const { tokens: wanted } = await decodeTokens(plain, PROMPT, COUNT, options);
    let [emitted, rounds] = [0, 0];
    for (const [drafter, perReadback, names] of [
      [draft, 4, isSlow || edits ? ["rsd-c", "best-first"] : Object.keys(TREES)],
      [adversary, 16, isSlow || edits ? ["rsd-s"] : ["rsd-c", "best-first"]],
      [target, 3, ["chain"]],
    ] as const) {
      const trees = names.map((name) => TREES[name]!);
      const session = await roundSession(gpu, target, drafter, trees, rules);
      for (const [plan, name] of names.entries()) {
        const found = await decodeTokens(session, PROMPT, COUNT, {
          ...options,
          rounds: perReadback,
          plan,
        });
        expect(found.tokens, `${name}, ${perReadback} rounds per readback`).toEqual(wanted);
        if (drafter === draft) [emitted, rounds] = [emitted + found.emitted, rounds + found.rounds];
        // The target foresees itself, by its own text.
        if (drafter === target) expect(found.emitted / found.rounds).toBe(5);
      }
    }
    // Speculation that accepts nothing would prove nothing.
    expect(emitted / rounds).toBeGreaterThan(1.3);
  }),
);

test("rounds with one tree, with another and without any can follow each other", () =>
  withGpu(async (gpu) => {
    const momentum = { kind } as const;
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const plain = await roundSession(gpu, target, undefined, undefined, { momentum });
    const { tokens: wanted } = await decodeTokens(plain, PROMPT, 40);
    const session = await roundSession(gpu, target, draft, Object.values(TREES), { momentum });
    const plans = [4, "plain", "plain", 1, 2, "plain", 0] as const;
    await startSequence(session, PROMPT);
    const tokens: number[] = [];
    for (let i = 0; tokens.length < 40; i++) {
      const outcomes = await session.next({ plan: plans[i % plans.length]!, rounds: 2 });
      tokens.push(...outcomes.flatMap((outcome) => outcome.tokens));
    }
    expect(tokens.slice(0, 40)).toEqual(wanted);
  }));

test("a dispatch more than greedy decoding per pass, and one per round for the text", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const tree = TREES["best-first"]!;
    const added = async (rules: { edited?: boolean }, speculates: boolean) => {
      const drafter = speculates ? draft : undefined;
      const greedy = await roundSession(gpu, target, drafter, tree, rules);
      const momentum = { ...rules, momentum: { kind } } as const;
      const session = await roundSession(gpu, target, drafter, tree, momentum);
      await startSequence(session, PROMPT, 0, rules.edited ? NO_EDITS : undefined);
      const before = session.counts;
      expect(await session.next({ rounds: 6 })).toHaveLength(6);
      const { submits, readbacks, dispatchesPerRound } = session.counts;
      expect([submits - before.submits, readbacks - before.readbacks]).toEqual([1, 1]);
      return dispatchesPerRound - greedy.counts.dispatchesPerRound;
    };
    expect(await added({}, false)).toBe(1 + 1);
    expect(await added({}, true)).toBe(4 + 1 + 1);
    // Edits keep the text already.
    expect(await added({ edited: true }, false)).toBe(1);
    expect(await added({ edited: true }, true)).toBe(4 + 1);
  }));

const LENGTH = isSlow ? 10 : 24;
/** The embedded pair alone takes SwiftShader half a minute. */
const PAIRS = Object.entries(realPairs).slice(isSlow ? -1 : 0);

test.each(PAIRS)("%s: the same text, and about as much of it foreseen", (_, open) =>
  withGpu(async (gpu) => {
    const { target, draft, prompts } = await open(gpu);
    const prompt = prompts[1]!.slice(0, 16);
    const momentum = { kind } as const;
    const plain = await roundSession(gpu, target, undefined, undefined, { momentum });
    const { tokens: wanted } = await decodeTokens(plain, prompt, LENGTH, { rounds: 16 });
    const efficiency = async (rules: { momentum?: MomentumDecoder }, text?: readonly number[]) => {
      const session = await roundSession(gpu, target, draft, { kind: "best-first" }, rules);
      const found = await decodeTokens(session, prompt, LENGTH, { rounds: 4 });
      if (text) expect(found.tokens).toEqual(text);
      return found.emitted / found.rounds;
    };
    const found = await efficiency({ momentum }, wanted);
    expect(found / (await efficiency({}))).toBeGreaterThan(0.7);
  }),
);
