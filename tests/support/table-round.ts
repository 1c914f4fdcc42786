// A whole round of tree speculation on table models, recorded from the library's kernels.
import { Recording, type BufferSlice, type Gpu } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";
import { tableForward, type TableModel } from "./table-model.ts";

export interface RoundPlan {
  /** For each level: candidates per node, and nodes kept. */
  readonly levels: readonly { readonly k: number; readonly width: number }[];
  /** Nodes the target scores. */
  readonly nodes: number;
}

export interface TableSession {
  readonly recording: Recording;
  readonly control: BufferSlice;
  readonly ring: BufferSlice;
  readonly tree: BufferSlice;
  readonly targetKv: BufferSlice;
  readonly draftKv: BufferSlice;
}

export const SLOTS = 2048;
const { DRAFT_TREE, TARGET_TREE } = kernels;
const STUMP = [
  { token: 0, parent: -1 },
  { token: 0, parent: 0 },
];

/** Buffers for one sequence that starts with `prompt` (two tokens or more), and the recorded round. */
export async function tableSession(
  gpu: Gpu,
  models: { target: TableModel; draft: TableModel },
  plan: RoundPlan,
  prompt: readonly number[],
  compact = kernels.kvCompact,
): Promise<TableSession> {
  const { buffers: scope } = gpu;
  const base = prompt.length - 1;
  const state = { base, pending: prompt[base]!, previous: prompt[base - 1]! };
  const control = scope.upload("control", kernels.encodeControl(state));
  const tree = scope.upload("tree", kernels.encodeTokenTree(TARGET_TREE, [STUMP[0]!]));
  const draftTree = scope.upload("draft tree", kernels.encodeTokenTree(DRAFT_TREE, STUMP));
  const ring = scope.storage("ring", kernels.RING_ROUNDS * kernels.ROUND_RECORD_BYTES);
  const ids = scope.storage("ids", 64 * 4);
  const candidates = scope.storage("candidates", 64 * 64 * kernels.CANDIDATE_BYTES);
  const logits = scope.storage("logits", 64 * models.target.vocab * 4);
  const targetKv = scope.upload("target kv", cacheOf(prompt.slice(0, base)));
  const draftKv = scope.upload("draft kv", cacheOf(prompt.slice(0, base - 1)));
  const recording = new Recording();

  const forwards = {
    target: gpu.kernels.compile(tableForward, { statics: TARGET_TREE }),
    draft: gpu.kernels.compile(tableForward, { statics: DRAFT_TREE }),
  };
  const tables = {
    target: scope.upload("target", models.target.table),
    draft: scope.upload("draft", models.draft.table),
  };
  const forward = (name: "target" | "draft", rowStart: number, rows: number, headFirst = 0) => {
    const { vocab, contexts } = models[name];
    const lag = name === "draft" ? 1 : 0;
    const own = lag ? { tree: draftTree, kv: draftKv } : { tree, kv: targetKv };
    const bound = forwards[name].bind(
      scope,
      { control, table: tables[name], logits, ...own },
      { row_start: rowStart, head_first: headFirst, vocab, contexts, lag, slots: SLOTS },
    );
    recording.dispatch(bound, [rows]);
  };

  const grow = gpu.kernels.compile(kernels.growLevel);
  const { vocab } = models.target;
  let [start, count] = [1, 1];
  for (const [level, { k, width }] of plan.levels.entries()) {
    if (level === 0) forward("draft", 0, 2, 1);
    else forward("draft", start, count);
    const constants = { WORKGROUP_SIZE: kernels.topCandidatesLanes(vocab, k) };
    const top = gpu.kernels.compile(kernels.topCandidates, { constants });
    const sharpness = scope.upload("sharpness", Float32Array.of(1));
    const bound = top.bind(scope, { logits, sharpness, candidates }, { vocab, k });
    recording.dispatch(bound, kernels.topCandidatesGrid(count));
    const params = {
      frontier_start: start,
      frontier_count: count,
      k,
      level_start: start + count,
      width,
      depth: level + 2,
    };
    const grown = grow.bind(scope, { candidates, tree: draftTree }, params);
    recording.dispatch(grown, kernels.growLevelGrid());
    [start, count] = [start + count, width];
  }

  const { nodes } = plan;
  const prune = gpu.kernels.compile(kernels.pruneTree);
  const sizes = { candidates: start + count, nodes };
  const pruned = prune.bind(scope, { candidates_tree: draftTree, tree }, sizes);
  recording.dispatch(pruned, kernels.pruneTreeGrid());

  forward("target", 0, nodes);
  const constants = { WORKGROUP_SIZE: kernels.argmaxRowsLanes(vocab) };
  const argmax = gpu.kernels.compile(kernels.argmaxRows, { constants });
  recording.dispatch(argmax.bind(scope, { logits, ids }, { vocab }), kernels.argmaxRowsGrid(nodes));
  const verify = gpu.kernels.compile(kernels.verifyMatch);
  const verified = verify.bind(scope, { ids, tree, control, ring }, { nodes });
  recording.dispatch(verified, kernels.verifyMatchGrid());

  const compaction = gpu.kernels.compile(compact);
  for (const [lag, kv] of [targetKv, draftKv].entries()) {
    const params = { planes: 2, slots: SLOTS, kv_dim4: 1, lag };
    const bound = compaction.bind(scope, { control, tree, kv }, params);
    recording.dispatch(bound, kernels.kvCompactGrid(1, 2));
  }
  return { recording, control, ring, tree, targetKv, draftKv };
}

/** A cache that holds `tokens`: two planes of (token, position, plane, 1) per slot. */
export function cacheOf(tokens: readonly number[]): Float32Array<ArrayBuffer> {
  const kv = new Float32Array(2 * SLOTS * 4);
  for (const plane of [0, 1]) {
    tokens.forEach((token, slot) => kv.set([token, slot, plane, 1], (plane * SLOTS + slot) * 4));
  }
  return kv;
}
