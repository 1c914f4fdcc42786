/** A model's weights before they are loaded: where they are read, and which buffers of which type they become. */
import type { WeightType } from "../../kernels/index.ts";
import type { Dtype } from "../../options.ts";
import type { ModelConfig } from "../config.ts";
import { openStore } from "../formats/open-store.ts";
import type { TensorStore } from "../formats/tensor-store.ts";
import type { ModelFiles } from "../source/types.ts";
import {
  type BufferPlan,
  checkTensors,
  type TensorPlan,
  planBuffers,
  planTensors,
} from "./plan.ts";
import { weightTypeOf } from "./weight-type.ts";

export interface PlannedWeights {
  readonly source: TensorStore;
  readonly plan: TensorPlan;
  readonly types: ReadonlyMap<BufferPlan, WeightType>;
}

/**
 * Reads the headers of the weights. The caller disposes of `source`; read after that, it opens its files again.
 * @throws CoppiceError `file-missing`, `weights-invalid`, `tensor-missing`, `tensor-invalid`, `network`, `aborted`.
 */
export async function planWeights(
  files: ModelFiles,
  config: ModelConfig,
  dtype: Dtype,
): Promise<PlannedWeights> {
  const source = await openStore(files, { ...config, dtype });
  try {
    return planStore(source, config, dtype);
  } catch (error) {
    source.dispose();
    throw error;
  }
}

/** @throws CoppiceError `tensor-missing`, `tensor-invalid`. */
export function planStore(source: TensorStore, config: ModelConfig, dtype: Dtype): PlannedWeights {
  const tied = config.tieWordEmbeddings && !source.ownHead;
  const plan = planTensors({ ...config, tieWordEmbeddings: tied }, source.tensors);
  checkTensors(plan, source.tensors);
  const typeOf = (buffer: BufferPlan): WeightType => {
    if (buffer.kind === "vector") return "f32";
    const stored = buffer.parts.map(({ name }) => source.tensors.get(name)!);
    return weightTypeOf(stored, dtype, buffer === plan.embedding || buffer === plan.head);
  };
  const types = new Map(planBuffers(plan).map((buffer) => [buffer, typeOf(buffer)]));
  return { source, plan, types };
}
