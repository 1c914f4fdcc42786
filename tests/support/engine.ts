// Models and sessions on the GPU of the adapter under test.
import type { Gpu } from "../../src/gpu/index.ts";
import { loadModel } from "../../src/model/index.ts";
import type { LlamaModel } from "../../src/model/index.ts";
import { openSource } from "../../src/model/source.ts";
import type { Dtype, TreeOptions } from "../../src/options.ts";
import { GpuRoundSession, planTree, TreeSession } from "../../src/tree/index.ts";

export { withGpu } from "./shared-gpu.ts";

export type TestFiles = Record<string, Uint8Array<ArrayBuffer>>;

export interface TestModelOptions {
  readonly dtype?: Dtype;
  readonly layers?: number;
  readonly contextLength?: number;
}

export async function loadTestModel(
  gpu: Gpu,
  files: TestFiles,
  options: TestModelOptions = {},
): Promise<LlamaModel> {
  return loadModel(gpu, gpu.buffers.child("model"), await openSource({ files }), options);
}

/** Nodes of a draft's candidate tree that may lie beyond the context. */
const DRAFT_SLOTS = 512;

export function treeSession(gpu: Gpu, model: LlamaModel, extraSlots = 64): TreeSession {
  return new TreeSession(gpu, gpu.buffers.child("session"), model, { extraSlots });
}

/** A sequence with or without speculation. */
export async function roundSession(
  gpu: Gpu,
  target: LlamaModel,
  draft?: LlamaModel,
  tree?: TreeOptions,
): Promise<GpuRoundSession> {
  const scope = gpu.buffers.child("rounds");
  const parts = { target: treeSession(gpu, target) };
  if (!draft || !tree) return GpuRoundSession.create(gpu, scope, parts);
  const plan = planTree(tree, target.config.vocabSize);
  return GpuRoundSession.create(gpu, scope, {
    ...parts,
    speculation: { draft: treeSession(gpu, draft, DRAFT_SLOTS), plan },
  });
}

/** `count` tokens of a sequence that starts with `prompt`, and how many rounds they took. */
export async function decodeTokens(
  session: GpuRoundSession,
  prompt: readonly number[],
  count: number,
) {
  await session.start(prompt);
  const tokens: number[] = [];
  let rounds = 0;
  while (tokens.length < count) {
    tokens.push(...(await session.next()).tokens);
    rounds += 1;
  }
  return { tokens: tokens.slice(0, count), emitted: tokens.length, rounds };
}
