/** The last hidden states of a text at length 1, in the GPU's memory, by the slots of the cache. */
import {
  type BufferScope,
  type BufferSlice,
  type Gpu,
  laneCount,
  Recording,
  SOFTWARE_LANES,
  unitRows,
  unitRowsGrid,
} from "../model/index.ts";
import { recordCompaction } from "./compaction.ts";
import type { TreeSession } from "./tree-session.ts";

export class UnitHistory {
  /** `[slots, hidden]` f32 */
  readonly units: BufferSlice;
  /** Lanes that share out a hidden state. They set the order of its sums, so there is one number for all passes. */
  readonly lanes: number;
  readonly #gpu: Gpu;
  readonly #scope: BufferScope;
  readonly #target: TreeSession;
  readonly #recordings = new Map<number, Recording>();

  constructor(gpu: Gpu, scope: BufferScope, target: TreeSession) {
    this.#gpu = gpu;
    this.#scope = scope;
    this.#target = target;
    const { hiddenSize } = target.model.config;
    this.lanes = laneCount(hiddenSize, gpu.adapter.fallback ? SOFTWARE_LANES : undefined);
    this.units = scope.storage("units", target.cache.slots * hiddenSize * 4);
  }

  /** To follow a pass of `rows` rows: their units stand where their keys do. */
  record(rows: number): Recording {
    const known = this.#recordings.get(rows) ?? this.#record(rows);
    this.#recordings.set(rows, known);
    return known;
  }

  /** Moves the kept path's units as the cache's slots are moved. */
  recordCompaction(): Recording {
    const { cache, state, model } = this.#target;
    const block = { slice: this.units, planes: 1 };
    const units = { blocks: [block], slots: cache.slots, kvDim: model.config.hiddenSize };
    return recordCompaction(this.#gpu, this.#scope, units, state, 0);
  }

  #record(rows: number): Recording {
    const { model, scratch } = this.#target;
    const statics = { WORKGROUP_SIZE: this.lanes };
    const pipeline = this.#gpu.kernels.compile(unitRows, { statics });
    const { x, rowTable } = scratch;
    const buffers = { x, gain: model.weights.norm, rows: rowTable, units: this.units };
    const recording = new Recording();
    const bound = pipeline.bind(this.#scope, buffers, { k4: model.config.hiddenSize / 4 });
    recording.dispatch(bound, unitRowsGrid(rows));
    return recording;
  }
}
