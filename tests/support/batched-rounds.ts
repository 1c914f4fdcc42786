// Many sequences at once on the library's own rounds: the recorders, plans and kernels are the engine's; only what `compile`
// gives, how large the buffers are and how many workgroups stand in z are other than there.
import {
  BufferScope,
  type BufferSlice,
  Gpu,
  Kernels,
  type KernelSpec,
  type KernelVariant,
  Recording,
} from "../../src/gpu/index.ts";
import {
  encodeControl,
  RING_ROUNDS,
  ROUND_RECORD,
  ROUND_RECORD_BYTES,
} from "../../src/kernels/index.ts";
import { resolveSampling } from "../../src/decoder/sampling-options.ts";
import type { SamplingStages, TreeOptions, VerifyRule } from "../../src/options.ts";
import { CandidateState } from "../../src/tree/candidate-state.ts";
import { type LanguageModel, MAX_NODES, planTree, TreeSession } from "../../src/tree/index.ts";
import { recordTreeRound } from "../../src/tree/round-recorder.ts";
import { batchKernel } from "./batch-kernel.ts";
import { type MarkovPair, tableModel } from "./markov-pair.ts";

/** Weights, of which there is one copy for all. */
const COMMON: Readonly<Record<string, readonly string[]>> = {
  "embed-rows": ["table"],
  "norm-matmul": ["gain", "w"],
  "norm-matmul-kept": ["gain", "w", "kept"],
};

/** Kernels of another text: planted faults, by the name of the kernel they stand for. */
export type Faults = Readonly<Record<string, KernelSpec>>;

/** Compiles batched kernels, by a device's own `Kernels` so that they are kept. */
class BatchedKernels extends Kernels {
  readonly #own: Kernels;
  readonly #lanes: number | undefined;
  readonly #faults: Faults;

  constructor(gpu: Gpu, lanes: number | undefined, faults: Faults) {
    super(gpu.device);
    this.#own = gpu.kernels;
    this.#lanes = lanes;
    this.#faults = faults;
  }

  override compile<S extends KernelSpec>(spec: S, variant: KernelVariant<S> = {}) {
    const text = (this.#faults[spec.name] as S | undefined) ?? spec;
    const lanes = "WORKGROUP_SIZE" in spec.constants && this.#lanes;
    const constants = { ...variant.constants, ...(lanes && { WORKGROUP_SIZE: lanes }) };
    const chosen = { ...variant, constants } as KernelVariant<S>;
    return this.#own.compile(batchKernel(text, COMMON[spec.name]), chosen);
  }
}

/** What the recorders see of the device. */
class BatchedGpu extends Gpu {
  override readonly kernels: Kernels;

  constructor(gpu: Gpu, lanes: number | undefined, faults: Faults) {
    super(gpu.device, gpu.adapter);
    this.kernels = new BatchedKernels(gpu, lanes, faults);
  }
}

/** Buffers of `copies` times the bytes; what is written goes into every copy. */
class BatchedScope extends BufferScope {
  readonly #copies: number;
  readonly #bytes = new Map<GPUBuffer, number>();

  constructor(gpu: Gpu, copies: number) {
    super(gpu.device, "batched");
    this.#copies = copies;
  }

  override storage(label: string, bytes: number): BufferSlice {
    const slice = super.storage(label, bytes * this.#copies);
    this.#bytes.set(slice.buffer, bytes);
    return slice;
  }

  override write(target: BufferSlice, byteOffset: number, data: ArrayBufferView<ArrayBuffer>) {
    const bytes = this.#bytes.get(target.buffer)!;
    if (byteOffset + data.byteLength > bytes) throw new Error("The data exceeds a copy.");
    for (let copy = 0; copy < this.#copies; copy++)
      super.write(target, copy * bytes + byteOffset, data);
  }

  override upload(label: string, data: ArrayBufferView<ArrayBuffer>): BufferSlice {
    const slice = this.storage(label, data.byteLength);
    this.write(slice, 0, data);
    return slice;
  }
}

export interface BatchedRun {
  readonly tree: TreeOptions;
  readonly verify: VerifyRule;
  readonly stages: SamplingStages;
  /** Sequences at once. */
  readonly copies: number;
  /** Sequence i has seed `seed + i`. Default 1. */
  readonly seed?: number;
  /** Lanes of a workgroup, in place of the engine's. */
  readonly lanes?: number | undefined;
  readonly faults?: Faults;
}

/** Tokens of one sequence and round: `words[first..first + count - 1]`. */
export type TakeRound = (copy: number, words: Uint32Array, first: number, count: number) => void;

export interface BatchedRounds {
  /** The token before the first and the first, of each sequence. */
  readonly prompts: readonly (readonly [number, number])[];
  /** Up to 32 rounds of all sequences, of which `take` gets every one, each sequence's in order. */
  next(rounds: number, take: TakeRound): Promise<void>;
  dispose(): void;
}

/** Sequences of one pair, tree and rule, at their first round. */
export async function batchedRounds(
  gpu: Gpu,
  pair: MarkovPair,
  { tree, verify, stages, copies, seed = 1, lanes, faults = {} }: BatchedRun,
): Promise<BatchedRounds> {
  const batched = new BatchedGpu(gpu, lanes, faults);
  const scope = new BatchedScope(gpu, copies);
  const vocab = pair.target.length;
  const session = (model: LanguageModel) =>
    new TreeSession(batched, scope, model, { extraSlots: 64 });
  const target = session(tableModel(gpu, pair.target));
  const draft = session(tableModel(gpu, pair.draft, pair.vocabulary));
  const plan = planTree(tree, vocab);
  const buffers = {
    ids: scope.storage("ids", MAX_NODES * 4),
    ring: scope.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES),
    sharpness: scope.upload("sharpness", Float32Array.of(1 / plan.confidence)),
    draftRows: scope.storage("draft rows", MAX_NODES * vocab * 4),
  };
  const drafting = { draft, plan, candidates: new CandidateState(scope) };
  const rules = { stages: resolveSampling("stages", stages), verify };
  const recorded = recordTreeRound(batched, scope, target, rules, drafting, buffers);
  const recording = new Recording();
  for (const { kernel, grid } of recorded.dispatches) {
    if (grid[2] !== undefined) throw new Error(`${kernel.name} uses z already.`);
    recording.dispatch(kernel, [grid[0], grid[1] ?? 1, copies]);
  }

  const prompts = Array.from({ length: copies }, (_, i) => [(seed + i) % vocab, 0] as const);
  target.state.writeStart({}, []);
  const controls = prompts.map(([previous, pending], i) =>
    encodeControl({ base: 1, pending, previous, seed: seed + i }),
  );
  const words = new Uint32Array(controls.flatMap((control) => [...control]));
  gpu.device.queue.writeBuffer(target.state.control.buffer, 0, words);

  let done = 0;
  return {
    prompts,
    async next(rounds, take) {
      const at = done % RING_ROUNDS;
      if (at + rounds > RING_ROUNDS)
        throw new Error("The ring holds 32 rounds, and does not wrap.");
      const all = Array.from({ length: rounds }, () => recording);
      const [bytes] = await gpu.submitAndRead(all, [buffers.ring]);
      const ring = new Uint32Array(bytes!);
      for (let copy = 0; copy < copies; copy++) {
        for (let i = 0; i < rounds; i++) {
          const record = ((copy * RING_ROUNDS + at + i) * ROUND_RECORD_BYTES) / 4;
          if (ring[record + STAMP] !== done + i + 1)
            throw new Error(`Copy ${copy} missed a round.`);
          take(copy, ring, record + TOKENS, ring[record + ACCEPTED]! + 1);
        }
      }
      done += rounds;
    },
    dispose() {
      scope.dispose();
    },
  };
}

const STAMP = ROUND_RECORD.offsets.stamp / 4;
const ACCEPTED = ROUND_RECORD.offsets.accepted / 4;
const TOKENS = ROUND_RECORD.offsets.tokens / 4;
