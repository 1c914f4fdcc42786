// Compares speculative texts with the plain text of the same seed, token for token, over many trees, drafts and stages.
import type { Gpu } from "../../src/gpu/index.ts";
import type { SamplingStages, TreeOptions } from "../../src/options.ts";
import type { GpuRoundSession } from "../../src/tree/index.ts";
import { decodeTokens, loadTestModel, roundSession } from "./engine.ts";
import type { Pair } from "./real-pairs.ts";
import { tinyModel } from "./tiny-model.ts";

const TREES: readonly TreeOptions[] = [
  { kind: "best-first", nodes: 12, depth: 4, width: 4 },
  { kind: "chain", length: 3 },
  { kind: "rsd-s", width: 3, depth: 3 },
  { kind: "rsd-c", branching: [3, 1, 1] },
  { kind: "best-first", nodes: 24, depth: 3, width: 12, confidence: 2 },
  { kind: "paths", count: 2, length: 3 },
];
const STAGES: readonly SamplingStages[] = [
  { temperature: 1 },
  { temperature: 0.6, topP: 0.9 },
  { temperature: 0 },
  { temperature: 1, topP: 0.95 },
  { temperature: 0.6 },
];
/** The adversary drafts at random: a model of the same vocabulary that has learned nothing. */
const DRAFTERS = ["draft", "draft", "adversary"] as const;
const ROUNDS = { draft: [1, 4, 7], adversary: [16] } as const;

/** One way to decode, and what was compared. */
export interface Compared {
  readonly drafter: (typeof DRAFTERS)[number];
  readonly tree: TreeOptions;
  readonly stages: SamplingStages;
  texts: number;
  tokens: number;
  rounds: number;
}

/** A text that differs: a fault of the engine. */
export class TextDiffers extends Error {}

/**
 * Decodes texts of `length` tokens, one combination after another, until `budget` tokens were compared.
 * @throws TextDiffers at the first token that is not the plain text's.
 */
export async function compareTexts(
  gpu: Gpu,
  pair: Pair,
  budget: number,
  length: number,
): Promise<readonly Compared[]> {
  const sessions = new Map<string, Promise<GpuRoundSession>>();
  const texts = new Map<string, Promise<number[]>>();
  const adversary = await loadTestModel(
    gpu,
    tinyModel({
      layers: 1,
      seed: 99,
      vocab: pair.target.config.vocabSize,
      context: pair.target.contextLength,
    }).files,
  );
  const drafters = { draft: pair.draft, adversary };
  const once = <T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>) => {
    const value = known.get(key) ?? make();
    known.set(key, value);
    return value;
  };
  const all: Compared[] = STAGES.flatMap((stages) =>
    DRAFTERS.flatMap((drafter) =>
      TREES.map((tree) => ({ drafter, tree, stages, texts: 0, tokens: 0, rounds: 0 })),
    ),
  );
  const plainText = (stages: SamplingStages, index: number) =>
    once(texts, `${JSON.stringify(stages)} ${index}`, async () => {
      const plain = await once(sessions, JSON.stringify(stages), () =>
        roundSession(gpu, pair.target, undefined, undefined, { stages }),
      );
      return (await decodeTokens(plain, promptOf(pair, index), length, seedOf(index, 16))).tokens;
    });

  for (let step = 0, compared = 0; compared < budget; step++) {
    // A stride without a common factor, so that few texts already see every stage, draft and tree.
    const one = all[(step * 37) % all.length]!;
    const index = Math.floor(step / all.length);
    const { drafter, stages } = one;
    const wanted = await plainText(stages, index);
    const session = await once(sessions, `${drafter} ${JSON.stringify(stages)}`, () =>
      roundSession(gpu, pair.target, drafters[drafter], TREES, { stages }),
    );
    const choices = ROUNDS[drafter];
    const options = seedOf(index, choices[step % choices.length]!);
    const plan = TREES.indexOf(one.tree);
    const actual = await decodeTokens(session, promptOf(pair, index), length, { ...options, plan });
    const differs = actual.tokens.findIndex((token, i) => token !== wanted[i]);
    if (differs >= 0) {
      const how = JSON.stringify({ pair: pair.name, drafter, tree: one.tree, stages, ...options });
      throw new TextDiffers(`Token ${differs} of a text differs: ${how}`);
    }
    one.texts += 1;
    one.tokens += length;
    one.rounds += actual.rounds;
    compared += length;
  }
  return all;
}

function promptOf({ prompts }: Pair, index: number): readonly number[] {
  return prompts[index % prompts.length]!;
}

function seedOf(index: number, rounds: number) {
  return { seed: 1000 + index, rounds };
}
