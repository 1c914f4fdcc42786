/** Records what the model itself says of the tokens that a round keeps: where nobody asks, nothing. */
import {
  CANDIDATE_BYTES,
  copyRows,
  copyRowsGrid,
  type DecodedLogProb,
  decodeLogProbs,
  GATHERED_HEADER_BYTES,
  gatheredBytes,
  gatherLogProbs,
  gatherLogProbsGrid,
  logProbRecordBytes,
  type LogProbShape,
  nodeLogProbs,
  nodeLogProbsGrid,
  Recording,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
} from "../model/index.ts";
import type { BufferScope, BufferSlice } from "../model/index.ts";
import { ringPart } from "./ring-part.ts";
import type { RoundContext } from "./round-context.ts";
import type { Phase } from "./rounds.ts";

export interface LogProbOptions extends LogProbShape {
  /** Nodes scored at once. */
  readonly nodes: number;
  readonly vocab: number;
  /** Whether rows of logits are overwritten before the round's end. */
  readonly overwritten: boolean;
}

/** Buffers for the log-probabilities of a session's rounds. */
export class LogProbState {
  readonly shape: LogProbShape;
  readonly vocab: number;
  /** `[nodes, vocab]`: logits as the model gave them; undefined where they stay as they are. */
  readonly kept: BufferSlice | undefined;
  /** `[nodes, k]` */
  readonly candidates: BufferSlice;
  readonly k: number;
  readonly gathered: BufferSlice;
  /** `[nodes]` f32: of each node of the last tree. */
  readonly ofNodes: BufferSlice;
  /** `[1]`: 1, the model's own distribution. */
  readonly sharpness: BufferSlice;
  readonly #scope: BufferScope;

  constructor(scope: BufferScope, options: LogProbOptions) {
    const { nodes, vocab, width, overwritten } = options;
    this.#scope = scope;
    this.shape = { width, tops: Math.min(options.tops, vocab) };
    this.vocab = vocab;
    this.k = Math.max(1, this.shape.tops);
    this.kept = overwritten ? scope.storage("kept logits", nodes * vocab * 4) : undefined;
    this.candidates = scope.storage("most probable", nodes * this.k * CANDIDATE_BYTES);
    this.sharpness = scope.upload("sharpness", Float32Array.of(1));
    this.gathered = scope.storage("log-probabilities", gatheredBytes(this.shape));
    this.ofNodes = scope.storage("log-probabilities of nodes", nodes * 4);
  }

  writeStart(): void {
    this.#scope.write(this.gathered, 0, new Uint32Array(1));
  }

  /** The records from `first` on, to be read back with the ring's. */
  slice(first: number, count: number): BufferSlice {
    const bytes = logProbRecordBytes(this.shape);
    return ringPart(this.gathered, first, count, bytes, GATHERED_HEADER_BYTES);
  }

  decode(data: ArrayBuffer, index: number, tokens: number): DecodedLogProb[] {
    return decodeLogProbs(data, index, this.shape, tokens);
  }
}

/** To be recorded right after the target's pass: what its rows say before anything changes them. */
export function recordRawRows(
  {
    gpu,
    scope,
    target,
    logProbs: state,
    recording,
  }: Pick<RoundContext, "gpu" | "scope" | "target" | "logProbs" | "recording">,
  nodes: number,
): void {
  if (!state) return;
  const { vocab, k, kept, candidates, sharpness } = state;
  const { logits } = target.scratch;
  if (kept) {
    const copy = gpu.kernels.compile(copyRows);
    recording.dispatch(copy.bind(scope, { logits, kept }, { vocab }), copyRowsGrid(vocab, nodes));
  }
  const constants = { WORKGROUP_SIZE: topCandidatesLanes(vocab, k) };
  const top = gpu.kernels.compile(topCandidates, { constants });
  recording.dispatch(
    top.bind(scope, { logits, sharpness, candidates }, { vocab, k }),
    topCandidatesGrid(nodes),
  );
}

/** To be recorded after verification. */
export function recordLogProbs(context: RoundContext): void {
  const { gpu, scope, target, logProbs: state, ring, recording } = context;
  if (!state) return;
  const { vocab, k, kept, candidates, gathered, shape } = state;
  const { control } = target.state;
  const pipeline = gpu.kernels.compile(gatherLogProbs);
  const logits = kept ?? target.scratch.logits;
  const bound = pipeline.bind(
    scope,
    { control, ring, logits, candidates, gathered },
    { vocab, k, ...shape },
  );
  recording.dispatch(bound, gatherLogProbsGrid());
}

/** A recording of its own, to be submitted after a round whose tree is shown: what the target says of every node. */
export function recordNodeLogProbs(
  { gpu, scope, target }: Pick<RoundContext, "gpu" | "scope" | "target">,
  { vocab, k, kept, candidates, ofNodes }: LogProbState,
  nodes: number,
): Recording {
  const { tree, statics } = target.state;
  const recording = new Recording();
  recording.phase = "verify" satisfies Phase;
  const pipeline = gpu.kernels.compile(nodeLogProbs, { statics });
  const logits = kept ?? target.scratch.logits;
  const bound = pipeline.bind(
    scope,
    { tree, logits, candidates, log_probs: ofNodes },
    { vocab, nodes, k },
  );
  recording.dispatch(bound, nodeLogProbsGrid());
  return recording;
}
