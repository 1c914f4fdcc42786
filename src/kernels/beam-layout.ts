/** The state of a beam search as bytes, for TypeScript; a test compares it with the struct's text. */
import { layout, type TreeStatics } from "./tree-layout.ts";

/** Beams in all groups together. */
export const MAX_BEAMS = 10;

/** Array lengths of a beam search's tree: a node per beam and step, and the root. */
export const BEAM_TREE = { NODES: 1024, LEVELS: 256 } as const satisfies TreeStatics;

export const FINISHED_BEAM = layout({ score: 1, node: 1, token: 1, length: 1 });
export const BEAM_SEARCH = layout({
  max_tokens: 1,
  step: 1,
  done: 1,
  group_done: MAX_BEAMS,
  finished_count: MAX_BEAMS,
  finished: (MAX_BEAMS * FINISHED_BEAM.bytes) / 4,
});

/** The state before the first step. */
export function encodeBeamSearch(maxTokens: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(BEAM_SEARCH.bytes / 4);
  words[BEAM_SEARCH.offsets.max_tokens / 4] = maxTokens;
  return words;
}

/** A text that ended. */
export interface FinishedBeam {
  /** Sum of log-probabilities over length to the power of the length penalty. */
  readonly score: number;
  /** The tree's node before the last token. */
  readonly node: number;
  readonly token: number;
  /** Tokens, the last one included. */
  readonly length: number;
}

export interface DecodedBeamSearch {
  /** Tokens of a running beam. */
  readonly step: number;
  readonly done: boolean;
  /** Per group, which is done. */
  readonly groupDone: readonly boolean[];
  /** Per group, its finished texts, best first. */
  readonly finished: readonly (readonly FinishedBeam[])[];
}

/** Decodes the state of `groups` groups of `width` beams. */
export function decodeBeamSearch(
  data: ArrayBuffer,
  groups: number,
  width: number,
): DecodedBeamSearch {
  const { offsets } = BEAM_SEARCH;
  const words = new Uint32Array(data, 0, BEAM_SEARCH.bytes / 4);
  const floats = new Float32Array(data, 0, words.length);
  const all = Array.from({ length: groups }, (_, group) => group);
  const beam = (index: number): FinishedBeam => {
    const at = (offsets.finished + index * FINISHED_BEAM.bytes) / 4;
    const word = (field: keyof typeof FINISHED_BEAM.offsets) =>
      at + FINISHED_BEAM.offsets[field] / 4;
    return {
      score: floats[word("score")]!,
      node: words[word("node")]!,
      token: words[word("token")]!,
      length: words[word("length")]!,
    };
  };
  return {
    step: words[offsets.step / 4]!,
    done: words[offsets.done / 4] === 1,
    groupDone: all.map((group) => words[offsets.group_done / 4 + group] === 1),
    finished: all.map((group) =>
      Array.from({ length: words[offsets.finished_count / 4 + group]! }, (_, i) =>
        beam(group * width + i),
      ),
    ),
  };
}
