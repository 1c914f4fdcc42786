/** Every kind of decoder, as pages name them. */
export const DECODER_KINDS = [
  "greedy",
  "sample",
  "mirostat",
  "momentum",
  "contrastive",
  "speculative",
  "superposed",
  "beam",
  "samples",
] as const;
