import { expect, test } from "vitest";
import pruneTreeText from "../../../shaders/prune-tree.wgsl?raw";
import beamsText from "../../../shaders/shared/beams.wgsl?raw";
import candidateText from "../../../shaders/shared/candidate.wgsl?raw";
import controlText from "../../../shaders/shared/control.wgsl?raw";
import ringText from "../../../shaders/shared/ring.wgsl?raw";
import surpriseText from "../../../shaders/shared/surprise.wgsl?raw";
import treeText from "../../../shaders/shared/tree.wgsl?raw";
import * as kernels from "../../../src/kernels/index.ts";
import { addNode, emptyTree } from "../../reference/token-tree.ts";
import { uniforms } from "../../support/random.ts";

const capacity = Number(/const LEVEL_CAPACITY = (\d+)u/.exec(controlText)?.[1]);
const endCapacity = Number(/const END_CAPACITY = (\d+)u/.exec(controlText)?.[1]);

/** Words in a WGSL type made of four-byte scalars. */
function words(type: string, sizes: Record<string, number>): number {
  const array = /^array<(.+),\s*(\w+)>$/.exec(type);
  if (array) return words(array[1]!, sizes) * (sizes[array[2]!] ?? Number.NaN);
  return ["u32", "f32"].includes(type) ? 1 : Number.NaN;
}

/** The fields of `struct name`, as [name, type]. */
function fieldsOf(text: string, name: string): [string, string][] {
  const body = new RegExp(`struct ${name} \\{([^}]*)\\}`).exec(text.replace(/\/\/.*$/gm, ""))![1]!;
  return [...body.matchAll(/(\w+):\s*([^\n]+?),\s*\n/g)].map((match) => [
    match[1]!,
    match[2]!.trim(),
  ]);
}

/** Offsets and size of a struct by its text; scalars and their arrays align to four bytes. */
function layoutOf(text: string, name: string, sizes: Record<string, number> = {}) {
  const offsets: Record<string, number> = {};
  let bytes = 0;
  for (const [field, type] of fieldsOf(text, name)) {
    offsets[field] = bytes;
    const constants = {
      LEVEL_CAPACITY: capacity,
      END_CAPACITY: endCapacity,
    };
    bytes += 4 * words(type, { ...constants, ...sizes });
  }
  return { offsets, bytes };
}

test("layouts equal the structs' text", () => {
  expect(kernels.LEVEL_CAPACITY).toBe(capacity);
  expect(kernels.END_CAPACITY).toBe(endCapacity);
  expect(kernels.CONTROL).toEqual(layoutOf(controlText, "Control"));
  expect(kernels.ROUND_RECORD).toEqual(layoutOf(ringText, "RoundRecord"));
  expect(kernels.CANDIDATE).toEqual(layoutOf(candidateText, "Candidate"));
  expect(kernels.ROW_SURPRISE_BYTES).toBe(layoutOf(surpriseText, "RowSurprise").bytes);
  expect(layoutOf(surpriseText, "SurpriseRecord")).toEqual({
    offsets: { mu: 0, surprise: 4 * capacity, kept: 8 * capacity },
    bytes: kernels.SURPRISE_RECORD_BYTES,
  });
  for (const statics of [kernels.TARGET_TREE, kernels.DRAFT_TREE, { NODES: 5, LEVELS: 3 }]) {
    expect(kernels.treeLayout(statics)).toEqual(layoutOf(treeText, "TokenTree", { ...statics }));
  }
});

test("the state of a beam search equals the structs' text", () => {
  const { MAX_BEAMS, FINISHED_BEAM, BEAM_SEARCH } = kernels;
  expect(beamsText).toContain(`const MAX_BEAMS = ${MAX_BEAMS}u;`);
  expect(FINISHED_BEAM).toEqual(layoutOf(beamsText, "FinishedBeam"));
  const finished = `array<u32, FINISHED_WORDS>`;
  const flat = beamsText.replace("array<FinishedBeam, MAX_BEAMS>", finished);
  const sizes = { MAX_BEAMS, FINISHED_WORDS: (MAX_BEAMS * FINISHED_BEAM.bytes) / 4 };
  expect(BEAM_SEARCH).toEqual(layoutOf(flat, "BeamSearch", sizes));
});

test("a struct that moved a field would be seen", () => {
  const moved = controlText.replace("base: u32,", "").replace("round_base: u32,", "base: u32,");
  expect(kernels.CONTROL).not.toEqual(layoutOf(moved, "Control"));
});

test("what tokens were drawn with comes back from its bytes", () => {
  const words = new Float32Array((2 * kernels.SURPRISE_RECORD_BYTES) / 4);
  const second = kernels.SURPRISE_RECORD_BYTES / 4;
  words.set([1.5, 2.5, 9], second);
  words.set([3.5, 4.5, 9], second + capacity);
  new Uint32Array(words.buffer).set([7, 8, 9], second + 2 * capacity);
  expect(kernels.decodeSurprises(words.buffer, 1, 2)).toEqual([
    { mu: 1.5, surprise: 3.5, kept: 7 },
    { mu: 2.5, surprise: 4.5, kept: 8 },
  ]);
});

test("prune-tree's candidate tree is a token tree in the draft's size", () => {
  const fields = fieldsOf(pruneTreeText, "CandidateTree").map(([name, type]) => [
    name,
    type.replace("CANDIDATE_LEVELS", "LEVELS").replace("CANDIDATES", "NODES"),
  ]);
  expect(fields).toEqual(fieldsOf(treeText, "TokenTree"));
});

test("the kernels' defaults are these sizes", () => {
  const { verifyMatch, kvCompact, growLevel, pruneTree, TARGET_TREE, DRAFT_TREE } = kernels;
  expect(verifyMatch.statics).toEqual(TARGET_TREE);
  expect(kvCompact.statics).toEqual(TARGET_TREE);
  expect(growLevel.statics).toEqual(DRAFT_TREE);
  const { NODES: CANDIDATES, LEVELS: CANDIDATE_LEVELS } = DRAFT_TREE;
  expect(pruneTree.statics).toEqual({ ...TARGET_TREE, CANDIDATES, CANDIDATE_LEVELS });
  expect(verifyMatch.constants.RING_ROUNDS).toBe(kernels.RING_ROUNDS);
  expect(kernels.verifyMirostat.statics).toEqual(TARGET_TREE);
  expect(kernels.verifyMirostat.constants.RING_ROUNDS).toBe(kernels.RING_ROUNDS);
});

test("a tree comes back from its bytes, with depths and ancestors", () => {
  const next = uniforms(1);
  for (const count of [1, 2, 64]) {
    const tree = emptyTree();
    for (let i = 0; i < count; i++) {
      const parent = i === 0 ? -1 : Math.floor(i * (0.5 + next() / 2));
      addNode(tree, { token: 1000 + i, parent, score: -i / 8, origin: i * 3 });
    }
    const nodes = tree.tokens.map((token, i) => ({
      token,
      parent: tree.parents[i]!,
      score: tree.scores[i]!,
      origin: tree.origins[i]!,
    }));
    const data = kernels.encodeTokenTree(kernels.TARGET_TREE, nodes);
    expect(data.byteLength).toBe(kernels.treeBytes(kernels.TARGET_TREE));
    expect(kernels.decodeTokenTree(data.buffer, kernels.TARGET_TREE, count)).toEqual(tree);
  }
});

test("a control block and a ring record come back from their bytes", () => {
  const state = {
    base: 9,
    pending: 4,
    previous: 3,
    round: 2,
    done: 1,
    seed: 4e9,
    accepted: 2,
    round_base: 6,
    limit: 40,
    end_count: 2,
  };
  const control = kernels.encodeControl(state, [50, 51]);
  const ends = kernels.CONTROL.offsets.end_tokens / 4;
  expect([...control.subarray(ends, ends + 3)]).toEqual([50, 51, 0]);
  control.set([0, 5, 7, 8], kernels.CONTROL.offsets.path / 4);
  expect(kernels.decodeControl(control.buffer)).toEqual({ ...state, path: [0, 5, 7] });

  const ring = new Uint32Array((3 * kernels.ROUND_RECORD_BYTES) / 4);
  const start = (2 * kernels.ROUND_RECORD_BYTES) / 4;
  const steps = [51 << 24, 3 | (4 << 8) | (1 << 16) | (255 << 24), 62 | (63 << 8) | (62 << 16)];
  ring.set([35, 2, 1, 9, 16, 5, ...steps], start);
  ring.set([70, 71, 72, 73], start + kernels.ROUND_RECORD.offsets.tokens / 4);
  const round = {
    accepted: 2,
    leaf: true,
    base: 9,
    nodes: 16,
    depth: 5,
    steps: [
      { rank: 3, place: 4, placeInLevel: 1 },
      { rank: 62, place: 63, placeInLevel: 62 },
    ],
    sureness: [0.2, 1, 0],
  };
  expect(kernels.decodeRoundRecord(ring.buffer, 2, 34)).toEqual({ ...round, tokens: [70, 71, 72] });
  expect(kernels.decodeRoundRecord(ring.buffer, 2, 2)).toBeUndefined();
});
