import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  CONTROL,
  encodeControl,
  encodeEdits,
  encodeSeen,
  extendHistory,
  extendHistoryGrid,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { seenTokens } from "../reference/extend-history.ts";
import { NO_EDITS } from "../support/edit-cases.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { randomParents, toBytes, treeOf } from "../support/token-trees.ts";

const VOCAB = 7;

/** A prompt and rounds, of which one after the last says that the text has ended. */
async function run(gpu: Gpu, seed: number, window: number, spec = extendHistory, counts = 1) {
  const { buffers: scope } = gpu;
  const next = uniforms(seed);
  const below = (count: number): number => Math.floor(next() * count);
  const text = Array.from({ length: 1 + below(30) }, () => below(VOCAB));
  const pipeline = gpu.kernels.compile(spec);
  const recording = new Recording();
  const history = scope.storage("history", 4 * 2000);
  scope.write(history, 0, Uint32Array.from(text));
  const seen = scope.upload("seen", encodeSeen(text, window, VOCAB));
  const edits = scope.upload("edits", encodeEdits({ ...NO_EDITS, window }, text.length, []));
  for (let round = 0; round <= 20; round++) {
    const tree = treeOf(randomParents(1 + below(63), 0.9, next), VOCAB, next);
    const path = tree.ancestors[below(tree.tokens.length)]!;
    const pending = below(VOCAB);
    const [base, accepted] = [text.length - 1, path.length - 1];
    const done = round === 20 ? 1 : 0;
    const state = { base: base + accepted + 1, round_base: base, accepted, pending, done };
    const words = encodeControl(state);
    words.set(path, CONTROL.offsets.path / 4);
    const control = scope.upload("control", words);
    const bytes = scope.upload("tree", toBytes(tree, TARGET_TREE));
    const buffers = { control, tree: bytes, edits, history, seen };
    recording.dispatch(pipeline.bind(scope, buffers, { counts }), extendHistoryGrid());
    if (!done) text.push(...path.slice(1).map((node) => tree.tokens[node]!), pending);
  }
  const [tokens, marks] = await gpu.submitAndRead([recording], [history, seen]);
  const words = new Uint32Array(marks!);
  const actual = Array.from({ length: VOCAB }, (_, c) => [words[2 * c]!, words[2 * c + 1]!]);
  const wanted = seenTokens(text, window);
  const kept = actual.map(([count, last]) => (count ? { count, last } : undefined));
  return {
    actual: { text: [...new Uint32Array(tokens!, 0, text.length)], seen: kept },
    wanted: { text, seen: Array.from({ length: VOCAB }, (_, c) => wanted.get(c)) },
  };
}

const WINDOWS = [0, 1, 2, 5, 64, 1000];

test.each(WINDOWS)("the text and what its last tokens say, window %d", (window) =>
  withGpu(async (gpu) => {
    for (let seed = 0; seed < 6; seed++) {
      const { actual, wanted } = await run(gpu, 10 * window + seed, window);
      expect(actual).toEqual(wanted);
      expect(wanted.text.length).toBeGreaterThan(21);
    }
  }),
);

test("where nobody counts, only the text grows", () =>
  withGpu(async (gpu) => {
    const { actual, wanted } = await run(gpu, 3, 5, extendHistory, 0);
    expect(actual.text).toEqual(wanted.text);
    // What the prompt says, and no more.
    expect(actual.seen).not.toEqual(wanted.seen);
  }));

const FAULTS: [string, string, string][] = [
  ["rounds after the end count", "control.done == 1u || ", ""],
  ["the new root is left out", "append(control.base, control.pending);", ""],
  ["nothing leaves the window", "position >= edits.window", "false"],
  ["the first accepted token is left out", "var j = 1u;", "var j = 2u;"],
  ["the first one is the last", "seen[token].last = position;", "seen[token].last = 0u;"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    for (const [name, right, wrong] of FAULTS) {
      const { actual, wanted } = await run(gpu, 5, 5, plantFault(extendHistory, right, wrong));
      expect(actual, name).not.toEqual(wanted);
    }
  }),
);
