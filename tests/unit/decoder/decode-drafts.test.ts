// The superposed decoder on a session without a GPU: parts, pool and ranking, resets, ends, what is over already.
import { expect, test } from "vitest";
import { decodeDrafts, type DraftsJob } from "../../../src/decoder/superposed/decode-drafts.ts";
import type { DraftsPart, DraftsResult } from "../../../src/stream-part.ts";
import { superposed } from "../../reference/superposed.ts";
import { normals, uniforms } from "../../support/random.ts";
import { FakeSuperposed, type FakeModel } from "./fake-superposed.ts";

const VOCAB = 40;

/** Logits of a position, the same at every call. */
function modelOf(seed: number, k: number): FakeModel {
  const rows = new Map<number, Float64Array>();
  const logits = (position: number) => {
    const known = rows.get(position);
    if (known) return known;
    const normal = normals(seed + 1000 * position);
    const row = Float64Array.from({ length: VOCAB }, normal);
    rows.set(position, row);
    return row;
  };
  return { k, candidates: 3 * k, temperature: 0.5, logits };
}

function jobOf(options: Partial<DraftsJob> = {}): DraftsJob {
  return {
    prompt: [1, 2, 3],
    isOver: false,
    drafts: 3,
    steps: 10,
    reset: undefined,
    seed: 0,
    endOfText: new Set(),
    ngramsOf: () => [],
    roundsPerReadback: 4,
    roundTrip: 1,
    warnings: [],
    textDecoder: () => ({ push: (id) => `<${id}>`, end: () => "" }),
    requestedAt: performance.now(),
    signal: new AbortController().signal,
    ...options,
  };
}

async function run(session: FakeSuperposed, job: DraftsJob) {
  const parts: DraftsPart[] = [];
  for await (const part of decodeDrafts(session, job)) parts.push(part);
  const last = parts.at(-1)!;
  if (last.type !== "text-end") throw new Error("no end");
  const sets = parts.flatMap((part) => (part.type === "drafts" ? [part] : []));
  return { parts, sets, result: last.result as DraftsResult };
}

test("pool and ranking are the reference's, over 400 traces", async () => {
  let ended = 0;
  for (let seed = 0; seed < 400; seed++) {
    const uniform = uniforms(seed);
    const k = [2, 3, 5, 10][seed % 4]!;
    const model = modelOf(seed, k);
    const endTokens = Array.from({ length: Math.floor(uniform() * 6) }, () =>
      Math.floor(uniform() * VOCAB),
    );
    const steps = 1 + Math.floor(uniform() * 10);
    const job = jobOf({ drafts: k, steps, endOfText: new Set(endTokens) });
    const { result, sets } = await run(new FakeSuperposed(model), job);
    const reference = superposed({
      ...model,
      prompt: job.prompt,
      alpha: 0,
      ngrams: undefined,
      endTokens,
      steps,
      logits: (mixes) => model.logits(job.prompt.length + mixes.length),
    });
    const expected = reference.ranking.map((draft) => ({
      ...draft,
      text: draft.tokens.map((id) => `<${id}>`).join(""),
    }));
    expect(result.drafts, `seed ${seed}`).toEqual(expected);
    expect(sets.at(-1)!.drafts).toEqual(expected);
    expect(sets).toHaveLength(reference.steps.length);
    ended += Number(expected.some(({ done }) => done));
  }
  expect(ended).toBeGreaterThan(100);
  expect(ended).toBeLessThan(400);
});

test("the parts of a stream, and how many steps a readback covers", async () => {
  const session = new FakeSuperposed(modelOf(1, 3));
  const { parts, sets, result } = await run(session, jobOf({ warnings: ["Careful."] }));
  expect(parts[0]).toEqual({ type: "text-start", promptTokens: 3 });
  expect(parts[1]).toEqual({ type: "warning", message: "Careful." });
  expect(sets.map(({ drafts }) => drafts.length)).toEqual(Array.from({ length: 10 }, () => 3));
  sets.forEach(({ drafts, metrics }, i) => {
    for (const { tokens } of drafts) expect(tokens).toHaveLength(i + 1);
    expect(metrics.steps).toBe(i + 1);
  });
  // The first readback is for one step, so that something shows early.
  expect(session.asked).toEqual([1, 4, 4, 1]);
  expect(result).toMatchObject({
    finishReason: "length",
    usage: { promptTokens: 3, completionTokens: 10 },
    metrics: { steps: 10, readbacks: 4, targetForwards: 11, dispatchesPerStep: 20 },
  });
  expect(result.drafts).toEqual(sets.at(-1)!.drafts);
});

test("where every draft ended there is nothing more", async () => {
  const model = { ...modelOf(1, 2), logits: () => [0, 5, 4, 1, 1, 1] };
  const session = new FakeSuperposed({ ...model, candidates: 2 });
  const { result, sets } = await run(session, jobOf({ drafts: 2, endOfText: new Set([1, 2]) }));
  expect(result.finishReason).toBe("end-of-text");
  expect(result.drafts.map(({ tokens, done }) => ({ tokens, done }))).toEqual([
    { tokens: [], done: true },
    { tokens: [], done: true },
  ]);
  expect(sets).toHaveLength(1);
  expect(result.drafts[0]!.perplexity).toBeCloseTo(Math.exp(-result.drafts[0]!.score), 12);
});

test("an accepted draft that ended the text leaves nothing to do", async () => {
  const session = new FakeSuperposed(modelOf(1, 3));
  const { parts, result } = await run(session, jobOf({ isOver: true }));
  expect(parts).toHaveLength(2);
  expect(session.starts).toEqual([]);
  expect(result).toMatchObject({
    finishReason: "end-of-text",
    drafts: [{ text: "", tokens: [], done: true }],
    usage: { completionTokens: 0 },
    metrics: { targetForwards: 0 },
  });
});

test("the context may be shorter than the drafts", async () => {
  const session = new FakeSuperposed(modelOf(1, 3), 8);
  const { parts, result } = await run(session, jobOf());
  expect(result.drafts[0]!.tokens).toHaveLength(5);
  expect(parts[1]).toMatchObject({ type: "warning", message: expect.stringMatching(/room for 5/) });
});

test("a reset goes on from one draft alone, with its score", async () => {
  const session = new FakeSuperposed(modelOf(3, 3));
  const job = jobOf({ reset: { every: 4, pick: "best" }, seed: 9 });
  const { sets, result } = await run(session, job);
  expect(session.asked).toEqual([1, 3, 4, 2]);
  const picks = [3, 7].map((i) => {
    // Without ended drafts all have the same length, so the best by perplexity is the best by score.
    return sets[i]!.drafts[0]!;
  });
  expect(session.starts.map(({ prompt, steps }) => ({ prompt, steps }))).toEqual([
    { prompt: job.prompt, steps: 10 },
    { prompt: [...job.prompt, ...picks[0]!.tokens], steps: 6 },
    { prompt: [...job.prompt, ...picks[1]!.tokens], steps: 2 },
  ]);
  for (const { tokens, score } of result.drafts) {
    expect(tokens.slice(0, 8)).toEqual(picks[1]!.tokens);
    expect(score).toBeLessThan(picks[1]!.score);
  }
});

test("a reset that samples draws by the drafts' shares, and the seed decides", async () => {
  const counts = [0, 0, 0];
  const model = modelOf(3, 3);
  const reset = { every: 1, pick: "sample" } as const;
  const pickWith = async (seed: number) => {
    const session = new FakeSuperposed(model);
    const { sets } = await run(session, jobOf({ reset, seed, steps: 2 }));
    const picked = session.starts[1]!.prompt.at(-1);
    return sets[0]!.drafts.findIndex(({ tokens }) => tokens[0] === picked);
  };
  const rounds = 600;
  for (let seed = 0; seed < rounds; seed++) counts[await pickWith(seed)]! += 1;
  const { sets } = await run(new FakeSuperposed(model), jobOf({ steps: 1 }));
  const shares = sets[0]!.drafts.map(({ score }) => Math.exp(score));
  const total = shares.reduce((a, b) => a + b, 0);
  counts.forEach((count, i) => {
    const share = shares[i]! / total;
    // Five standard deviations of a binomial.
    const most = 5 * Math.sqrt(share * (1 - share) * rounds);
    expect(Math.abs(count - share * rounds)).toBeLessThan(most);
  });
  expect(await pickWith(5)).toBe(await pickWith(5));
});

test("the n-grams of the text grow with what was kept of it", async () => {
  const asked: (readonly number[])[] = [];
  const section = { length: 1, keys: [1], starts: [0, 1], tokens: [2], shares: [1] };
  const session = new FakeSuperposed(modelOf(3, 3));
  const ngramsOf = (ids: readonly number[]) => {
    asked.push(ids);
    return [{ section, scale: 0.5 }];
  };
  await run(session, jobOf({ reset: { every: 5, pick: "best" }, ngramsOf }));
  expect(asked.map((ids) => ids.length)).toEqual([3, 8]);
  expect(session.starts[1]!.ngrams).toEqual([{ section, scale: 0.5 }]);
});

test("a signal stops it within a readback", async () => {
  const controller = new AbortController();
  const job = jobOf({ signal: controller.signal });
  const parts: DraftsPart[] = [];
  await expect(
    (async () => {
      for await (const part of decodeDrafts(new FakeSuperposed(modelOf(1, 3)), job)) {
        parts.push(part);
        if (parts.length === 2) controller.abort();
      }
    })(),
  ).rejects.toMatchObject({ code: "aborted" });
  expect(parts).toHaveLength(2);
});
