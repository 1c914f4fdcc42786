// Mirostat's mu depends on every token before, and still the tokens do not depend on how they were found: the same seed
// gives the same text, mu and surprises with any tree, draft and number of rounds between readbacks.
import { expect, test } from "vitest";
import { adapterName } from "../setup/gpu.ts";
import type { MirostatDecoder, TreeOptions } from "../../src/options.ts";
import type { GpuRoundSession } from "../../src/tree/index.ts";
import {
  decodeTokens,
  loadTestModel,
  nextRound,
  roundSession,
  startSequence,
  withGpu,
} from "../support/engine.ts";
import { NO_EDITS } from "../support/edit-cases.ts";
import { tinyModel } from "../support/tiny-model.ts";

const TREES: Record<string, TreeOptions> = {
  chain: { kind: "chain", length: 4 },
  "rsd-c": { kind: "rsd-c", branching: [3, 2, 1] },
  "rsd-s": { kind: "rsd-s", width: 4, depth: 3 },
  paths: { kind: "paths", count: 3, length: 3 },
  "best-first": { kind: "best-first", nodes: 12, depth: 4, width: 3 },
};
const kind = "mirostat";
const DECODERS: Record<string, MirostatDecoder> = {
  "version 2": { kind },
  "version 2, llama.cpp's": { kind, surprise: "truncated", tau: 5 },
  "version 1": { kind, version: 1, tau: 2, temperature: 0.8 },
  "version 1, llama.cpp's": { kind, version: 1, surprise: "truncated", eta: 0.5, tau: 2 },
};
const PROMPT = [1, 9, 4, 7, 3];
const COUNT = 16;
const model = tinyModel({ layers: 4, decay: 0.4 });
const other = tinyModel({ layers: 1, seed: 99 });

/** The first `COUNT` tokens, with what each was drawn with. */
async function draws(session: GpuRoundSession, rounds: number, plan: number | "plain", seed = 7) {
  await startSequence(session, PROMPT, seed);
  const drawn: object[] = [];
  let accepted = 0;
  while (drawn.length < COUNT) {
    for (const { tokens, surprises, ...outcome } of await session.next({ rounds, plan })) {
      accepted += outcome.accepted;
      drawn.push(...tokens.map((token, i) => ({ token, ...surprises![i]! })));
    }
  }
  return { drawn: drawn.slice(0, COUNT), accepted };
}

/** SwiftShader takes a minute for all of them. */
const SHOWN = Object.entries(DECODERS).filter(
  (_, i) => adapterName !== "swiftshader" || i % 3 === 0,
);

test.each(SHOWN)("%s: every tree gives the text of plain decoding", (_, mirostat) =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const adversary = await loadTestModel(gpu, other.files);
    const plain = await roundSession(gpu, target, undefined, undefined, { mirostat });
    const { drawn: wanted } = await draws(plain, 1, "plain");
    expect((await draws(plain, 8, "plain")).drawn).toEqual(wanted);
    expect((await draws(plain, 8, "plain", 8)).drawn, "another seed").not.toEqual(wanted);
    let deepest = 0;
    for (const [drafter, rounds, names] of [
      [draft, 4, Object.keys(TREES)],
      [adversary, 16, ["rsd-c"]],
    ] as const) {
      const trees = names.map((name) => TREES[name]!);
      const session = await roundSession(gpu, target, drafter, trees, { mirostat });
      for (const [plan, name] of names.entries()) {
        const { drawn, accepted } = await draws(session, rounds, plan);
        expect(drawn, `${name}, ${rounds} rounds per readback`).toEqual(wanted);
        deepest = Math.max(deepest, accepted);
      }
    }
    // Speculation that accepts nothing would prove nothing.
    expect(deepest).toBeGreaterThan(3);
  }),
);

test("rounds with one tree, with another and without any can follow each other", () =>
  withGpu(async (gpu) => {
    const mirostat = { kind } as const;
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const plain = await roundSession(gpu, target, undefined, undefined, { mirostat });
    const { tokens: wanted } = await decodeTokens(plain, PROMPT, 60, { seed: 3 });
    const session = await roundSession(gpu, target, draft, Object.values(TREES), { mirostat });
    const plans = [4, "plain", "plain", 1, 2, "plain", 0] as const;
    await startSequence(session, PROMPT, 3);
    const tokens: number[] = [];
    for (let i = 0; tokens.length < 60; i++) {
      const outcomes = await session.next({ plan: plans[i % plans.length]!, rounds: 2 });
      tokens.push(...outcomes.flatMap((outcome) => outcome.tokens));
    }
    expect(tokens.slice(0, 60)).toEqual(wanted);
  }));

test("banned, forced and penalised tokens: the surprise is that of what is left", () =>
  withGpu(async (gpu) => {
    const banned = Array.from({ length: 150 }, (_, i) => 2 * i);
    const edits = { ...NO_EDITS, repetition: 1.3, banned, forced: [[4, 41]] } as const;
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const rules = { mirostat: { kind }, edited: true } as const;
    const drawn = [];
    for (const parts of [undefined, draft]) {
      const tree = parts && TREES["best-first"]!;
      const session = await roundSession(gpu, target, parts, tree, rules);
      await startSequence(session, PROMPT, 3, edits);
      const outcomes = [
        ...(await session.next({ rounds: 16 })),
        ...(await session.next({ rounds: 8 })),
      ];
      drawn.push(
        outcomes.flatMap(({ tokens, surprises }) =>
          tokens.map((token, i) => ({ token, ...surprises![i]! })),
        ),
      );
    }
    const [plain, drafted] = drawn;
    expect(drafted!.slice(0, 24)).toEqual(plain!);
    expect(plain!.every(({ token }) => token % 2 === 1)).toBe(true);
    expect(Math.max(...plain!.map(({ kept }) => kept))).toBeLessThanOrEqual(150);
    // What is forced surprises nobody, and mu rises by all of eta tau.
    const [before, forced] = [plain![3]!, plain![4]!];
    expect(forced).toMatchObject({ token: 41, surprise: 0, kept: 1 });
    expect(forced.mu).toBeCloseTo(before.mu + 3, 5);
  }));

test("mu costs no round trip, and no dispatch more than greedy decoding", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const tree = TREES["best-first"]!;
    for (const parts of [
      [undefined, undefined],
      [draft, tree],
    ] as const) {
      const greedy = await roundSession(gpu, target, parts[0], parts[1]);
      const session = await roundSession(gpu, target, parts[0], parts[1], {
        mirostat: { kind },
      });
      await startSequence(session, PROMPT);
      const before = session.counts;
      for (let i = 0; i < 5; i++) await nextRound(session);
      const outcomes = await session.next({ rounds: 6 });
      expect(outcomes.length).toBe(6);
      const { submits, readbacks, dispatchesPerRound } = session.counts;
      expect([submits - before.submits, readbacks - before.readbacks]).toEqual([6, 6]);
      // The draft's levels are warped, as they are for every sampled text.
      const levels = parts[0] ? 4 : 0;
      expect(dispatchesPerRound - greedy.counts.dispatchesPerRound).toBe(levels);
    }
  }));

test("mu starts where it should, moves as it should, and ends with the text", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const mirostat: MirostatDecoder = { kind, tau: 2, eta: 0.5, muBounds: [0.25, 6] };
    const session = await roundSession(gpu, target, undefined, undefined, { mirostat });
    await session.start({ prompt: PROMPT, seed: 5, maxNewTokens: 30, endTokens: [] });
    const outcomes = [
      ...(await session.next({ rounds: 16 })),
      ...(await session.next({ rounds: 16 })),
    ];
    const drawn = outcomes.flatMap(({ surprises }) => surprises!);
    expect(drawn).toHaveLength(30);
    let mu = 4;
    for (const one of drawn) {
      expect(one.surprise === 0 || one.surprise <= mu + 1e-4 || one.kept === 1).toBe(true);
      mu = Math.min(Math.max(mu - 0.5 * (one.surprise - 2), 0.25), 6);
      expect(one.mu).toBeCloseTo(mu, 5);
      mu = one.mu;
    }
    expect(await session.next({ rounds: 4 }), "nothing is left to do").toEqual([]);
  }));
