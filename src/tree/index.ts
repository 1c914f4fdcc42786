/** Sequences over token trees: `TreeSession` for one model, `GpuRoundSession` for whole rounds. */
export * from "../model/index.ts";
export { type ContrastiveParts, GpuContrastiveSession } from "./gpu-contrastive-session.ts";
export { GpuRoundSession } from "./gpu-round-session.ts";
export type { RoundSessionParts } from "./gpu-round-session.ts";
export { type BeamShape, GpuBeamSession } from "./beam-session.ts";
export * from "./beam-steps.ts";
export * from "./rounds.ts";
export { sequenceBuffers } from "./sequence-buffers.ts";
export { GpuSamplesSession, type SamplesShape } from "./sample-session.ts";
export * from "./sample-steps.ts";
export { GpuSuperposedSession } from "./gpu-superposed-session.ts";
export type { SuperposedParts } from "./gpu-superposed-session.ts";
export * from "./superposed-steps.ts";
export * from "./tree-plan.ts";
export { TreeSession } from "./tree-session.ts";
export type { ScoredNode } from "./tree-state.ts";
