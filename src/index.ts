/** Coppice: tree-speculative decoding of language models in the browser. */
export { type Engine, loadEngine } from "./client.ts";
export { CoppiceError, type CoppiceErrorCode } from "./errors.ts";
export type {
  BestFirstTree,
  BranchingTree,
  ChainTree,
  Decoder,
  DeviceKind,
  Dtype,
  GenerateOptions,
  GreedyDecoder,
  LoadOptions,
  ModelFileMap,
  ModelSource,
  ModelSpec,
  SpeculativeDecoder,
  TreeOptions,
} from "./options.ts";
export type {
  AdapterFacts,
  EngineFacts,
  FinishReason,
  GenerateResult,
  GenerateStream,
  LoadProgress,
  Metrics,
  ModelFacts,
  StreamPart,
  StreamToken,
  TokenOrigin,
  TreeSnapshot,
  Usage,
} from "./stream-part.ts";
