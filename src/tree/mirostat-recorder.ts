/** Mirostat in a round: its state on the GPU, and the two kernels that stand in for warp, argmax and match. */
import type { ResolvedMirostat } from "../options.ts";
import {
  decodeSurprises,
  RING_ROUNDS,
  ROW_SURPRISE_BYTES,
  SURPRISE_RECORD_BYTES,
  surpriseRows,
  surpriseRowsGrid,
  surpriseRowsLanes,
  verifyMirostat,
  verifyMirostatGrid,
} from "../model/index.ts";
import type { BufferScope, BufferSlice, DrawnSurprise } from "../model/index.ts";
import { ringPart } from "./ring-part.ts";
import type { RoundContext } from "./round-context.ts";
import type { Phase } from "./rounds.ts";
import { MAX_NODES } from "./tree-plan.ts";

/** Ratios of neighbours in rank from which version 1 estimates Zipf's exponent, and what it adds to k before truncation. */
const ESTIMATE = {
  model: { ratios: 100, rounding: 0.5 },
  truncated: { ratios: 99, rounding: 0 },
} as const;

/** mu of one sequence, and what its tokens were drawn with. */
export class MirostatState {
  readonly settings: ResolvedMirostat;
  /** `[64]` of what turns a node's logits into surprises. */
  readonly rows: BufferSlice;
  /** `[1]` f32 that only the GPU writes after the start. */
  readonly mu: BufferSlice;
  /** A record beside each round record. */
  readonly surprises: BufferSlice;
  readonly #scope: BufferScope;

  constructor(scope: BufferScope, settings: ResolvedMirostat) {
    this.#scope = scope;
    this.settings = settings;
    this.rows = scope.storage("row surprise", MAX_NODES * ROW_SURPRISE_BYTES);
    this.mu = scope.storage("mu", 4);
    this.surprises = scope.storage("surprises", RING_ROUNDS * SURPRISE_RECORD_BYTES);
  }

  /** `mu`: where a text goes on; default where it starts. */
  writeStart(mu = this.settings.mu): void {
    this.#scope.write(this.mu, 0, Float32Array.of(mu));
  }

  /** The records of `rounds` rounds from the one at `index` of the ring on. */
  slice(index: number, rounds: number): BufferSlice {
    return ringPart(this.surprises, index, rounds, SURPRISE_RECORD_BYTES);
  }
}

/** What the tokens of the `index`-th round that was read back were drawn with. */
export function drawnSurprises(
  bytes: ArrayBuffer | undefined,
  index: number,
  tokens: number,
): { surprises?: readonly DrawnSurprise[] } {
  return bytes ? { surprises: decodeSurprises(bytes, index, tokens) } : {};
}

/** Draws along the path that is kept, and keeps it. The logits stay as the pass left them. */
export function recordMirostat(
  { gpu, scope, target, rules, recording, ring }: RoundContext,
  state: MirostatState,
  nodes: number,
): void {
  const { vocabSize: vocab } = target.model.config;
  const { version, surprise, tau, eta, muBounds } = state.settings;
  const { temperature } = rules.stages;
  const { ratios, rounding } = ESTIMATE[surprise];
  const { logits } = target.scratch;
  const { control, tree, statics } = target.state;
  const constants = { WORKGROUP_SIZE: surpriseRowsLanes(vocab) };
  recording.phase = "verify" satisfies Phase;

  const measure = gpu.kernels.compile(surpriseRows, { constants });
  recording.dispatch(
    measure.bind(
      scope,
      { logits, row_surprise: state.rows },
      { vocab, temperature, ratios: version === 1 ? ratios : 0 },
    ),
    surpriseRowsGrid(nodes),
  );

  const verify = gpu.kernels.compile(verifyMirostat, { statics, constants });
  const buffers = {
    logits,
    row_surprise: state.rows,
    tree,
    control,
    ring,
    mu_state: state.mu,
    surprises: state.surprises,
  };
  const [mu_min, mu_max] = muBounds;
  const params = {
    nodes,
    vocab,
    version,
    truncated: surprise === "truncated" ? 1 : 0,
    temperature,
    tau,
    eta,
    mu_min,
    mu_max,
    rounding,
  };
  recording.dispatch(verify.bind(scope, buffers, params), verifyMirostatGrid());
}
