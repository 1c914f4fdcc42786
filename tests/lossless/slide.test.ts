// A text that goes on beyond its context is the same with speculation and without: what is forgotten, and with what the
// rest is drawn, depends on the text alone.
import { expect, test } from "vitest";
import type {
  MirostatDecoder,
  MomentumDecoder,
  ResolvedEdits,
  SamplingStages,
  TreeOptions,
} from "../../src/options.ts";
import type { StreamToken } from "../../src/stream-part.ts";
import type { RoundSession } from "../../src/tree/rounds.ts";
import { adapterName } from "../setup/gpu.ts";
import { NO_EDITS } from "../support/edit-cases.ts";
import { decodeTokens, loadTestModel, roundSession, withGpu } from "../support/engine.ts";
import { writeText } from "../support/write-text.ts";
import { tinyModel } from "../support/tiny-model.ts";

const CONTEXT = 24;
const KEEP = 2;
const COUNT = 60;
const PROMPT = [1, 9, 4, 7, 3];
const SEED = 4_000_000_000;
const TREES: readonly TreeOptions[] = [
  { kind: "best-first", nodes: 16, depth: 5, width: 4 },
  { kind: "rsd-s", width: 3, depth: 4 },
];
const model = tinyModel({ layers: 4, decay: 0.4 });

interface Way {
  readonly stages?: SamplingStages;
  readonly mirostat?: MirostatDecoder;
  readonly momentum?: MomentumDecoder;
  readonly edits?: ResolvedEdits;
}

const WAYS: Record<string, Way> = {
  greedy: { stages: { temperature: 0 } },
  sampled: { stages: { temperature: 0.9, topP: 0.95 } },
  Mirostat: { mirostat: { kind: "mirostat" } },
  momentum: { momentum: { kind: "momentum" } },
  edited: {
    stages: { temperature: 0.9 },
    // The 31st token comes in the second window, and so does the first that may end the text.
    edits: { ...NO_EDITS, repetition: 1.2, noRepeatNgram: 2, minNewTokens: 30, forced: [[31, 17]] },
  },
};
/** SwiftShader takes a minute for all of them. */
const isSlow = adapterName === "swiftshader";
const SHOWN = Object.entries(WAYS).filter(([name]) => !isSlow || name === "edited");
const GROWN = isSlow ? TREES.slice(0, 1) : TREES;

/** The text of the loop that pages are served by, after what was written before. */
async function write(
  session: RoundSession,
  { edits }: Way,
  roundsPerReadback: number,
  continueFrom: readonly number[] = [],
) {
  const { tokens, result } = await writeText(session, {
    prompt: PROMPT,
    slide: { keep: KEEP },
    endOfText: new Set(edits ? [0] : []),
    seed: SEED,
    continueFrom,
    maxNewTokens: COUNT - continueFrom.length,
    ...(edits && { edits }),
    roundsPerReadback,
  });
  expect(result.tokens).toEqual(tokens.map(({ id }) => id));
  return { tokens, metrics: result.metrics };
}

test.each(SHOWN)("%s: every tree gives the text of plain decoding", (_, way) =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files, { contextLength: CONTEXT });
    const draft = await loadTestModel(gpu, model.files, { contextLength: CONTEXT, layers: 2 });
    const rules = { ...way, edited: way.edits !== undefined };
    const plain = await roundSession(gpu, target, undefined, undefined, rules);
    const wanted = await write(plain, way, 4);
    const drawn = (tokens: readonly StreamToken[]) =>
      tokens.map(({ id, mu, surprise }) => ({ id, mu, surprise }));
    expect(wanted.tokens.length).toBeGreaterThan(CONTEXT);
    if (way.edits) expect(wanted.tokens[31]!.id).toBe(17);
    for (const [i, tree] of GROWN.entries()) {
      const session = await roundSession(gpu, target, draft, tree, rules);
      const { tokens, metrics } = await write(session, way, [1, 7][i]!);
      expect(drawn(tokens), tree.kind).toEqual(drawn(wanted.tokens));
      expect(metrics.blockEfficiency, tree.kind).toBeGreaterThan(1);
      // All windows' passes, one for every round and at least one for each window's beginning.
      expect(metrics.targetForwards).toBeGreaterThan(metrics.rounds);
    }
  }),
);

test("each window's text is that of its own beginning and seed", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files, { contextLength: CONTEXT });
    const rules = { stages: { temperature: 0.9, topP: 0.95 } };
    const session = await roundSession(gpu, target, undefined, undefined, rules);
    const { tokens } = await write(session, rules, 3);
    const text = tokens.map(({ id }) => id);
    const all = [...PROMPT, ...text];
    const latest = Math.floor((CONTEXT - KEEP) / 2);
    let end = CONTEXT;
    for (let window = 1; end < all.length; window++) {
      const prompt = [...all.slice(0, KEEP), ...all.slice(end - latest, end)];
      const count = Math.min(CONTEXT - prompt.length, all.length - end);
      const seed = Number((BigInt(SEED) + BigInt(window) * 2654435769n) % 2n ** 32n);
      const alone = await decodeTokens(session, prompt, count, { seed });
      expect(alone.tokens, `window ${window}`).toEqual(all.slice(end, end + count));
      end += count;
    }
    expect(text).toHaveLength(COUNT);
  }));

/** In the middle of a window, at its end, and right after the slide. */
const FULL = CONTEXT - PROMPT.length;
const CUTS = isSlow ? [FULL] : [7, FULL, FULL + 1, 45];

test.each(SHOWN)("%s: a text that was broken off goes on as it would have", (_, way) =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files, { contextLength: CONTEXT });
    const draft = await loadTestModel(gpu, model.files, { contextLength: CONTEXT, layers: 2 });
    const rules = { ...way, edited: way.edits !== undefined };
    const whole = await write(await roundSession(gpu, target, draft, TREES[0], rules), way, 4);
    for (const cut of CUTS) {
      const before = whole.tokens.slice(0, cut);
      // Mirostat's mu is no function of the tokens alone.
      const { mirostat } = way;
      const mu = before.at(-1)!.mu;
      const resumed =
        mirostat && mu !== undefined ? { ...rules, mirostat: { ...mirostat, mu } } : rules;
      const session = await roundSession(gpu, target, draft, TREES[0], resumed);
      const rest = await write(
        session,
        way,
        3,
        before.map(({ id }) => id),
      );
      const ids = (tokens: readonly StreamToken[]) => tokens.map(({ id }) => id);
      expect(ids(rest.tokens), `from ${cut}`).toEqual(ids(whole.tokens.slice(cut)));
    }
  }),
);
