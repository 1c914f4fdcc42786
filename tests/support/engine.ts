// Models and sessions on the GPU of the adapter under test.
import type { Gpu } from "../../src/gpu/index.ts";
import { loadModel } from "../../src/model/index.ts";
import type { LanguageModel } from "../../src/model/index.ts";
import { openModelFiles } from "../../src/model/formats/open-store.ts";
import { openSource } from "../../src/model/source/index.ts";
import type {
  Dtype,
  MirostatDecoder,
  MomentumDecoder,
  ResolvedEdits,
  SamplingStages,
  TreeOptions,
  VerifyRule,
} from "../../src/options.ts";
import { resolveMirostat } from "../../src/decoder/mirostat-options.ts";
import { resolveMomentum } from "../../src/decoder/momentum-options.ts";
import { resolveSampling } from "../../src/decoder/sampling-options.ts";
import { GpuRoundSession, planTree, TreeSession } from "../../src/tree/index.ts";

export { withGpu } from "./shared-gpu.ts";

export type TestFiles = Record<string, Uint8Array<ArrayBuffer>>;

export interface TestModelOptions {
  readonly dtype?: Dtype;
  readonly layers?: number;
  readonly vocabulary?: readonly number[];
  readonly contextLength?: number;
}

export async function loadTestModel(
  gpu: Gpu,
  files: TestFiles,
  { file, ...options }: TestModelOptions & { readonly file?: string } = {},
): Promise<LanguageModel> {
  const source = await openModelFiles(await openSource({ files }), file);
  return loadModel(gpu, gpu.buffers.child("model"), source, options);
}

/** Nodes of a draft's candidate tree that may lie beyond the context. */
const DRAFT_SLOTS = 512;

export function treeSession(gpu: Gpu, model: LanguageModel, extraSlots = 64): TreeSession {
  return new TreeSession(gpu, gpu.buffers.child("session"), model, { extraSlots });
}

/** How a test sequence draws and verifies: greedy, or these stages with the coupled rule, or another rule. */
export interface TestRules {
  readonly stages?: SamplingStages;
  readonly verify?: VerifyRule;
  readonly edited?: boolean;
  /** In place of the stages. */
  readonly mirostat?: MirostatDecoder;
  readonly momentum?: MomentumDecoder;
  readonly logProbabilities?: number;
}

/** A sequence with or without speculation. */
export async function roundSession(
  gpu: Gpu,
  target: LanguageModel,
  draft?: LanguageModel,
  tree?: TreeOptions | readonly TreeOptions[],
  rules: TestRules = {},
): Promise<GpuRoundSession> {
  const scope = gpu.buffers.child("rounds");
  const { verify = "coupled", edited = false, logProbabilities } = rules;
  const parts = {
    target: treeSession(gpu, target),
    rules: { ...drawingOf(rules, target.config.vocabSize), verify, edited, logProbabilities },
  };
  if (!draft || !tree) return GpuRoundSession.create(gpu, scope, parts);
  const plans = [tree].flat().map((one) => planTree(one, target.config.vocabSize));
  return GpuRoundSession.create(gpu, scope, {
    ...parts,
    speculation: { draft: treeSession(gpu, draft, DRAFT_SLOTS), plans },
  });
}

function drawingOf({ stages, mirostat, momentum }: TestRules, vocabSize: number) {
  if (mirostat) return resolveMirostat("mirostat", mirostat, vocabSize);
  if (momentum) return resolveMomentum("momentum", momentum);
  return { stages: resolveSampling("stages", stages) };
}

/** Starts a sequence that ends only where the context does. */
export function startSequence(
  session: GpuRoundSession,
  prompt: readonly number[],
  seed = 0,
  edits?: ResolvedEdits,
) {
  const ends = { maxNewTokens: 1e6, endTokens: [] };
  return session.start({ prompt, seed, ...ends, ...(edits && { edits }) });
}

/** One round. */
export async function nextRound(session: GpuRoundSession, options: { trees?: boolean } = {}) {
  const [outcome] = await session.next(options);
  return outcome!;
}

/** `count` tokens of a sequence that starts with `prompt`, and how many rounds they took. */
export async function decodeTokens(
  session: GpuRoundSession,
  prompt: readonly number[],
  count: number,
  options: {
    readonly seed?: number;
    readonly rounds?: number;
    readonly plan?: number | "plain";
    readonly edits?: ResolvedEdits;
  } = {},
) {
  const { seed = 0, rounds: perReadback = 1, plan = 0 } = options;
  await startSequence(session, prompt, seed, options.edits);
  const tokens: number[] = [];
  let rounds = 0;
  while (tokens.length < count) {
    const outcomes = await session.next({ rounds: perReadback, plan });
    tokens.push(...outcomes.flatMap((outcome) => outcome.tokens));
    rounds += outcomes.length;
  }
  return { tokens: tokens.slice(0, count), emitted: tokens.length, rounds };
}
