/**
 * The structs of `shaders/shared` as bytes, for TypeScript. Every field is a four-byte scalar or an
 * array of them, so an offset is a sum; a test compares them with the structs' text.
 */

/** The static sizes of a `TokenTree`, as the kernels take them. */
export interface TreeStatics {
  readonly NODES: number;
  readonly LEVELS: number;
}

/** The tree that the target scores. */
export const TARGET_TREE = { NODES: 64, LEVELS: 64 } as const satisfies TreeStatics;
/** A draft's tree: every candidate, and two levels more for the previous token and the root. */
export const DRAFT_TREE = { NODES: 512, LEVELS: 66 } as const satisfies TreeStatics;

/** The longest path, and the most tokens a round can emit. */
export const LEVEL_CAPACITY = 64;

/** Token ids that a control block can hold as ends of text. */
export const END_CAPACITY = 8;

/** Records in a ring, unless `verify-match` is compiled with another `RING_ROUNDS`. */
export const RING_ROUNDS = 32;

const NO_PARENT = 0xffffffff;

/** Where each field of a struct starts, and where the struct ends, in bytes. */
export interface Layout<Field extends string> {
  readonly offsets: Readonly<Record<Field, number>>;
  readonly bytes: number;
}

/** Fields in order, each with its length in words. */
export function layout<const Field extends string>(fields: Record<Field, number>): Layout<Field> {
  let bytes = 0;
  const offsets = {} as Record<Field, number>;
  for (const [name, words] of Object.entries<number>(fields)) {
    offsets[name as Field] = bytes;
    bytes += words * 4;
  }
  return { offsets, bytes };
}

const CONTROL_SCALARS = {
  base: 1,
  pending: 1,
  previous: 1,
  round: 1,
  done: 1,
  seed: 1,
  accepted: 1,
  round_base: 1,
  limit: 1,
  end_count: 1,
};

export const CONTROL = layout({
  ...CONTROL_SCALARS,
  end_tokens: END_CAPACITY,
  path: LEVEL_CAPACITY,
});
export const ROUND_RECORD = layout({
  stamp: 1,
  accepted: 1,
  leaf: 1,
  base: 1,
  nodes: 1,
  depth: 1,
  steps: LEVEL_CAPACITY,
  tokens: LEVEL_CAPACITY,
});
export const CANDIDATE = layout({ token: 1, score: 1 });

export const CONTROL_BYTES = CONTROL.bytes;
export const ROUND_RECORD_BYTES = ROUND_RECORD.bytes;
export const CANDIDATE_BYTES = CANDIDATE.bytes;

export function treeLayout({ NODES, LEVELS }: TreeStatics) {
  return layout({
    token: NODES,
    parent: NODES,
    depth: NODES,
    score: NODES,
    origin: NODES,
    ancestor: NODES * LEVELS,
  });
}

export function treeBytes(statics: TreeStatics): number {
  return treeLayout(statics).bytes;
}

/** The scalars of a control block. */
export type ControlState = Record<keyof typeof CONTROL_SCALARS, number>;

const CONTROL_FIELDS = Object.keys(CONTROL_SCALARS) as (keyof ControlState)[];

/**
 * A control block whose other fields, and path, are zero. The inverse of `decodeControl`. Of `endTokens` the first
 * 8 are kept: a text that ends with another is found to have ended when it is read back.
 */
export function encodeControl(
  state: Partial<ControlState>,
  endTokens: readonly number[] = [],
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(CONTROL.bytes / 4);
  const ends = endTokens.slice(0, END_CAPACITY);
  const scalars = { ...state, end_count: ends.length };
  for (const field of CONTROL_FIELDS) words[CONTROL.offsets[field] / 4] = scalars[field] ?? 0;
  words.set(ends, CONTROL.offsets.end_tokens / 4);
  return words;
}

/** The state, and the last round's path: `accepted + 1` nodes. */
export function decodeControl(data: ArrayBuffer): ControlState & { path: number[] } {
  const words = new Uint32Array(data, 0, CONTROL.bytes / 4);
  const scalars = CONTROL_FIELDS.map((field) => [field, words[CONTROL.offsets[field] / 4]!]);
  const state = Object.fromEntries(scalars) as ControlState;
  const start = CONTROL.offsets.path / 4;
  return { ...state, path: [...words.subarray(start, start + state.accepted + 1)] };
}

/** A node of the path that a round kept; places and sureness go by the scores that the draft gave. */
export interface DecodedStep {
  /** How many siblings stood before it: 0..62. */
  rank: number;
  /** How many nodes of the tree, the root included, were surer: 1..63. */
  place: number;
  /** How many nodes of its level were surer: 0..62. */
  placeInLevel: number;
}

/** What one round gave. */
export interface DecodedRound {
  accepted: number;
  /** True: the walk ended at a leaf, the last token is a bonus token. False: a recovered token. */
  leaf: boolean;
  base: number;
  /** Nodes the target scored, root included. */
  nodes: number;
  /** The depth of the deepest of them. */
  depth: number;
  /** Per accepted token. */
  steps: DecodedStep[];
  /** Per node of the path, the root first: how sure the draft was of the node's surest child, above 0 to 1; 0 without one. */
  sureness: number[];
  /** The accepted tokens and one more. */
  tokens: number[];
}

/** Decodes the record at `index` of a ring; undefined where it is not that of round `round`, counted from 0. */
export function decodeRoundRecord(
  ring: ArrayBuffer,
  index: number,
  round: number,
): DecodedRound | undefined {
  const start = index * ROUND_RECORD.bytes;
  const words = new Uint32Array(ring, start, ROUND_RECORD.bytes / 4);
  const at = (field: keyof typeof ROUND_RECORD.offsets) => ROUND_RECORD.offsets[field] / 4;
  if (words[at("stamp")] !== round + 1) return undefined;
  const accepted = words[at("accepted")]!;
  const bytes = new Uint8Array(ring, start + ROUND_RECORD.offsets.steps, 4 * (accepted + 1));
  return {
    accepted,
    leaf: words[at("leaf")] === 1,
    base: words[at("base")]!,
    nodes: words[at("nodes")]!,
    depth: words[at("depth")]!,
    steps: Array.from({ length: accepted }, (_, i) => {
      const [rank, place, placeInLevel] = bytes.subarray(4 * (i + 1));
      return { rank: rank!, place: place!, placeInLevel: placeInLevel! };
    }),
    sureness: Array.from({ length: accepted + 1 }, (_, i) => bytes[4 * i + 3]! / 255),
    tokens: [...words.subarray(at("tokens"), at("tokens") + accepted + 1)],
  };
}

/** A node to encode: node 0 is the root with parent -1, and a parent stands before its children. */
export interface TreeNode {
  readonly token: number;
  readonly parent: number;
  /** Default 0. */
  readonly score?: number;
  /** Default: the node's own index. */
  readonly origin?: number;
}

/** Encodes a tree, with depths and ancestors computed. The inverse of `decodeTokenTree`. */
export function encodeTokenTree(
  statics: TreeStatics,
  nodes: readonly TreeNode[],
): Uint8Array<ArrayBuffer> {
  const { offsets, bytes } = treeLayout(statics);
  const data = new ArrayBuffer(bytes);
  const words = new Uint32Array(data);
  const scores = new Float32Array(data);
  const put = (field: keyof typeof offsets, i: number, value: number) => {
    words[offsets[field] / 4 + i] = value;
  };
  const depths: number[] = [];
  nodes.forEach(({ token, parent, score = 0, origin }, i) => {
    const depth = parent < 0 ? 0 : depths[parent]! + 1;
    depths.push(depth);
    put("token", i, token);
    put("parent", i, parent < 0 ? NO_PARENT : parent);
    put("depth", i, depth);
    put("origin", i, origin ?? i);
    scores[offsets.score / 4 + i] = score;
    const row = offsets.ancestor / 4 + i * statics.LEVELS;
    const above = offsets.ancestor / 4 + parent * statics.LEVELS;
    if (parent >= 0) words.copyWithin(row, above, above + depth);
    words[row + depth] = i;
  });
  return new Uint8Array(data);
}

/** A decoded tree, field by field; `ancestors[i]` is the path from the root to i, itself included. */
export interface DecodedTree {
  tokens: number[];
  /** -1 for the root. */
  parents: number[];
  depths: number[];
  scores: number[];
  origins: number[];
  ancestors: number[][];
}

/** Decodes the first `count` nodes. */
export function decodeTokenTree(
  data: ArrayBuffer,
  statics: TreeStatics,
  count: number,
): DecodedTree {
  const { offsets } = treeLayout(statics);
  const words = (offset: number, length: number) => [...new Uint32Array(data, offset, length)];
  const depths = words(offsets.depth, count);
  return {
    tokens: words(offsets.token, count),
    parents: words(offsets.parent, count).map((parent) => (parent === NO_PARENT ? -1 : parent)),
    depths,
    scores: [...new Float32Array(data, offsets.score, count)],
    origins: words(offsets.origin, count),
    ancestors: depths.map((depth, i) =>
      words(offsets.ancestor + i * statics.LEVELS * 4, depth + 1),
    ),
  };
}
