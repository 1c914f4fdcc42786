/** The models, and what the layer above records beside their passes: each layer imports only the one below it. */
export * from "../kernels/index.ts";
export * from "./forward.ts";
export * from "./forward-mix.ts";
export * from "./language-model.ts";
export * from "./scratch.ts";
export * from "./load.ts";
export * from "./memory.ts";
