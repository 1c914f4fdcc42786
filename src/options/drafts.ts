/** Decoders that give a set of drafts. */
import type { BeamDecoder } from "./beam.ts";
import type { SamplesDecoder } from "./samples.ts";
import type { SuperposedDecoder } from "./superposed.ts";

/** Decoders that give a set of drafts, revised as it grows. */
export type DraftsDecoder = SuperposedDecoder | BeamDecoder | SamplesDecoder;
