// Sequences on ONNX Runtime: the embedded pair's golden text, and the same text with a chain of drafts as without.
import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { resolveEdits } from "../../../src/decoder/edit-options.ts";
import { resolveMirostat } from "../../../src/decoder/mirostat-options.ts";
import { resolveMomentum } from "../../../src/decoder/momentum-options.ts";
import { GREEDY_STAGES, resolveStages } from "../../../src/decoder/sampling-options.ts";
import type { CachedModel } from "../../../src/fallback/cached-model.ts";
import { type ChainRules, ChainSession } from "../../../src/fallback/chain-session.ts";
import type { SequenceStart } from "../../../src/tree/rounds.ts";
import { graphModel, talesFiles, useOrt } from "../../support/fallback.ts";
import { tinyModel } from "../../support/tiny-model.ts";

const VOCAB = 300;
let target: CachedModel;
let draft: CachedModel;

beforeAll(async () => {
  useOrt();
  target = await graphModel(tinyModel({ layers: 3 }).files);
  draft = await graphModel(tinyModel({ layers: 2 }).files);
});

const PLAIN: ChainRules = { stages: GREEDY_STAGES, edited: false, logProbabilities: undefined };

function startOf(fields: Partial<SequenceStart> = {}): SequenceStart {
  return { prompt: [1, 40, 7], seed: 3, maxNewTokens: 40, endTokens: [], ...fields };
}

/** A whole text, and what its rounds gave. */
async function textOf(session: ChainSession, start: SequenceStart) {
  await session.start(start);
  const outcomes = [];
  for (;;) {
    const more = await session.next({ rounds: 3 });
    if (more.length === 0) break;
    outcomes.push(...more);
  }
  return {
    tokens: outcomes.flatMap(({ tokens }) => tokens).slice(0, start.maxNewTokens),
    outcomes,
  };
}

const edits = resolveEdits(
  {
    penalties: { repetition: 1.3, frequency: 0.4, window: 20 },
    noRepeatNgram: 3,
    logitBias: { 9: 2 },
    bannedTokens: [4, 5],
    forcedTokens: { 6: 77 },
    minNewTokens: 12,
  },
  VOCAB,
  40,
)!;

const DECODERS: [string, Partial<ChainRules>, Partial<SequenceStart>?][] = [
  ["greedy", {}],
  ["sample", { stages: resolveStages("", { temperature: 0.9, topP: 0.95, minP: 0.02 }) }],
  [
    "sample, llama.cpp's order",
    { stages: resolveStages("", { topK: 40, typicalP: 0.9, topNSigma: 2, order: "llama.cpp" }) },
  ],
  ["mirostat 2", resolveMirostat("", { kind: "mirostat" }, VOCAB)],
  [
    "mirostat 1",
    resolveMirostat("", { kind: "mirostat", version: 1, surprise: "truncated" }, VOCAB),
  ],
  ["momentum", resolveMomentum("", { kind: "momentum" })],
  ["edits", { edited: true, stages: resolveStages("", {}) }, { edits, endTokens: [2, 9] }],
];

test.each(DECODERS)("%s: the same text with chains of any length", async (_, rules, start = {}) => {
  const all = { ...PLAIN, ...rules, logProbabilities: 2 };
  const begin = startOf(start);
  const plain = await textOf(new ChainSession({ target, rules: all }), begin);
  expect(plain.tokens.length).toBeGreaterThan(10);
  const said = plain.outcomes.map(({ logProbs }) => logProbs![0]);
  let accepted = 0;
  for (const length of [1, 4, 9]) {
    const session = new ChainSession({ target, rules: all, speculation: { draft, length } });
    const { tokens, outcomes } = await textOf(session, begin);
    expect(tokens).toEqual(plain.tokens);
    // To the bit: what is said of a token comes from its row alone.
    const told = outcomes.flatMap(({ logProbs }) => logProbs!).slice(0, said.length);
    expect(told).toEqual(said.slice(0, told.length));
    accepted += outcomes.reduce((sum, outcome) => sum + outcome.accepted, 0);
    expect(session.counts.targetForwards).toBe(1 + outcomes.length);
  }
  expect(accepted, "drafts that were right").toBeGreaterThan(5);
});

test("a text that goes on where another stopped, and one that fills the context", async () => {
  const small = await graphModel(tinyModel({ layers: 3 }).files, 32);
  const begin = startOf({ maxNewTokens: 1000 });
  const plain = await textOf(new ChainSession({ target: small, rules: PLAIN }), begin);
  expect(plain.tokens).toHaveLength(29);
  const parts = { target: small, rules: PLAIN, speculation: { draft, length: 5 } };
  expect((await textOf(new ChainSession(parts), begin)).tokens).toEqual(plain.tokens);
  const prompt = [...begin.prompt, ...plain.tokens.slice(0, 10)];
  const rest = await textOf(new ChainSession(parts), { ...begin, prompt });
  expect(rest.tokens).toEqual(plain.tokens.slice(10));
  await small.dispose();
});

test("a tree is shown as it was drafted, with what the target says of each node", async () => {
  const rules = { ...PLAIN, logProbabilities: 0 };
  const session = new ChainSession({ target, rules, speculation: { draft, length: 3 } });
  await session.start(startOf());
  const [outcome] = await session.next({ trees: true });
  const { tree, path, accepted } = outcome!;
  expect(tree).toMatchObject({ parents: [-1, 0, 1, 2], depths: [0, 1, 2, 3] });
  expect(tree!.tokens[0]).toBe(7);
  expect(path).toEqual([0, 1, 2, 3].slice(0, accepted + 1));
  expect(tree!.tokens.slice(1, accepted + 1)).toEqual(outcome!.tokens.slice(0, accepted));
  expect(tree!.logProbabilities).toHaveLength(4);
  expect(tree!.scores[0]).toBe(0);
  expect([...tree!.scores].sort((a, b) => b - a)).toEqual(tree!.scores);
});

test("it stops at an end token, and while a long prompt is read", async () => {
  const plain = await textOf(new ChainSession({ target, rules: PLAIN }), startOf());
  const end = plain.tokens[5]!;
  const session = new ChainSession({ target, rules: PLAIN });
  const { outcomes } = await textOf(session, startOf({ endTokens: [end] }));
  expect(outcomes.at(-1)!.tokens).toEqual([end]);
  expect(outcomes.length).toBe(plain.tokens.indexOf(end) + 1);
  const prompt = Array.from({ length: 200 }, (_, i) => i);
  const stopped = startOf({ prompt, signal: AbortSignal.abort() });
  await expect(session.start(stopped)).rejects.toMatchObject({ code: "aborted" });
});

test("the embedded pair writes its golden text, with its draft and without", async () => {
  const url = new URL("../../../models/tales/golden/greedy.json", import.meta.url);
  const [golden] = (
    JSON.parse(readFileSync(url, "utf8")) as { target: { promptIds: number[]; ids: number[] }[] }
  ).target.slice(1);
  const pair = [
    await graphModel(talesFiles("target")),
    await graphModel(talesFiles("draft")),
  ] as const;
  const count = 48;
  const start = startOf({ prompt: golden!.promptIds, maxNewTokens: count });
  const expected = golden!.ids.slice(0, count);
  const plain = new ChainSession({ target: pair[0], rules: PLAIN });
  expect((await textOf(plain, start)).tokens).toEqual(expected);
  const chain = { target: pair[0], rules: PLAIN, speculation: { draft: pair[1], length: 4 } };
  const { tokens, outcomes } = await textOf(new ChainSession(chain), start);
  expect(tokens).toEqual(expected);
  expect(outcomes.length, "passes of the target").toBeLessThan(count / 2);
  for (const model of pair) await model.dispose();
});

test("a draft that knows some tokens only drafts no other, and the text stays", async () => {
  const rules = { ...PLAIN, stages: resolveStages("", { temperature: 0.9 }) };
  const plain = await textOf(new ChainSession({ target, rules }), startOf());
  const vocabulary = plain.tokens.filter((id) => id % 2 === 0).toSorted((a, b) => a - b);
  const speculation = { draft, length: 3, vocabulary: [...new Set(vocabulary)] };
  const drafted = await textOf(new ChainSession({ target, rules, speculation }), startOf());
  expect(drafted.tokens).toEqual(plain.tokens);
  const accepted = drafted.outcomes.flatMap(({ tokens, accepted: count }) =>
    tokens.slice(0, count),
  );
  expect(accepted.length).toBeGreaterThan(0);
  expect(accepted.filter((id) => !vocabulary.includes(id))).toEqual([]);
});
