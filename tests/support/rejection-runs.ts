// Runs rules that reject on the GPU and compares what they keep and emit with their references.
import { Recording, type Gpu, type KernelSpec } from "../../src/gpu/index.ts";
import {
  decodeControl,
  decodeRoundRecord,
  encodeControl,
  ROUND_RECORD_BYTES,
  TARGET_TREE,
  type ControlState,
} from "../../src/kernels/index.ts";
import type { Verdict } from "../reference/rejection.ts";
import type { RejectionCase } from "./rejection-cases.ts";
import { toBytes } from "./token-trees.ts";

/** What a kernel made of a round. */
export interface Ended {
  readonly path: number[];
  readonly tokens: number[];
  readonly leaf: boolean | undefined;
  readonly control: ControlState;
}

const RING_ROUNDS = 4;
const BUFFERS = ["target_rows", "draft_rows", "tree", "control", "ring"] as const;

/** A kernel that ends a round by rejection. */
export type RejectingSpec = KernelSpec & {
  readonly buffers: Readonly<Record<(typeof BUFFERS)[number], "read" | "read_write">>;
};

export interface RunOptions {
  /** Parameters that a round does not have itself. */
  readonly params?: Readonly<Record<string, number>>;
  readonly lanes?: number;
  readonly done?: number;
}

/** All rounds in one submission, with NaN in the draft's rows of leaves. */
export async function endRounds(
  gpu: Gpu,
  spec: RejectingSpec,
  cases: readonly (RejectionCase & { readonly paths?: number })[],
  options: RunOptions = {},
): Promise<Ended[]> {
  const { params, lanes = 64, done = 0 } = options;
  const constants = { RING_ROUNDS, WORKGROUP_SIZE: lanes };
  const pipeline = gpu.kernels.compile(spec, { constants });
  const recording = new Recording();
  const slices = cases.flatMap((one) => {
    const { base, seed, round, vocab } = one;
    const nodes = one.tokens.length;
    const draft = one.draft.map((row, i) => (one.parents.includes(i) ? row : row.map(() => NaN)));
    const control = encodeControl({ base, seed, round, done, pending: 3, previous: 5 });
    const buffers = {
      target_rows: gpu.buffers.upload("target", flat(one.target, vocab)),
      draft_rows: gpu.buffers.upload("draft", flat(draft, vocab)),
      tree: gpu.buffers.upload("tree", toBytes(one.tree, TARGET_TREE)),
      control: gpu.buffers.upload("control", control),
      ring: gpu.buffers.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES),
    };
    const all = { nodes, vocab, paths: one.paths ?? 1, ...params };
    recording.dispatch(pipeline.bind(gpu.buffers, buffers, all), [1]);
    return [buffers.control, buffers.ring];
  });
  const data = await gpu.submitAndRead([recording], slices);
  return cases.map(({ round }, i) => {
    const { path, ...control } = decodeControl(data[2 * i]!);
    const record = decodeRoundRecord(data[2 * i + 1]!, round % RING_ROUNDS, round);
    return { path, tokens: record?.tokens ?? [], leaf: record?.leaf, control };
  });
}

function flat(rows: readonly ArrayLike<number>[], vocab: number): Float32Array<ArrayBuffer> {
  const all = new Float32Array(rows.length * vocab);
  for (const [i, row] of rows.entries()) all.set(row, i * vocab);
  return all;
}

/** The tokens that a round should emit. */
function emitted({ path, token }: Verdict, { tokens }: RejectionCase): (number | undefined)[] {
  return [...path.slice(1).map((node) => tokens[node]), token];
}

function agrees(ended: Ended, verdict: Verdict, one: RejectionCase): boolean {
  const { path, tokens, leaf, control } = ended;
  return (
    `${path}` === `${verdict.path}` &&
    `${tokens}` === `${emitted(verdict, one)}` &&
    leaf === verdict.leaf &&
    control.base === one.base + tokens.length &&
    control.pending === tokens.at(-1)
  );
}

export interface Comparison {
  /** Rounds that differ from the reference, of those that rounding cannot decide. */
  readonly wrong: string[];
  /** The share of those that it can. */
  readonly doubtful: number;
  /** Rounds that emit a token that the target excludes. */
  readonly impossible: string[];
}

export async function compareRounds(
  gpu: Gpu,
  spec: RejectingSpec,
  cases: readonly RejectionCase[],
  verdicts: readonly Verdict[],
  options: RunOptions = {},
): Promise<Comparison> {
  const ended = await endRounds(gpu, spec, cases, options);
  const names = (keep: (i: number) => boolean) =>
    cases.flatMap(({ name }, i) => (keep(i) ? [name] : []));
  return {
    wrong: names((i) => !verdicts[i]!.doubtful && !agrees(ended[i]!, verdicts[i]!, cases[i]!)),
    doubtful: verdicts.filter(({ doubtful }) => doubtful).length / cases.length,
    impossible: names((i) => !isPossible(ended[i]!, cases[i]!)),
  };
}

/** Whether the target allows every token that was emitted. */
function isPossible({ path, tokens }: Ended, { target }: RejectionCase): boolean {
  return path.every((node, i) => target[node]![tokens[i]!]! > -Infinity);
}
