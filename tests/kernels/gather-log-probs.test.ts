import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  CONTROL,
  type DecodedLogProb,
  decodeLogProbs,
  encodeControl,
  GATHERED_HEADER_BYTES,
  gatheredBytes,
  gatherLogProbs,
  gatherLogProbsGrid,
  logProbRecordBytes,
  RING_ROUNDS,
  ROUND_RECORD,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
} from "../../src/kernels/index.ts";
import { logProbOf } from "../reference/gather-log-probs.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { isCloseUnder, logitRows } from "../support/log-prob-cases.ts";
import { uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";

interface Case {
  readonly vocab: number;
  readonly nodes: number;
  readonly path: readonly number[];
  readonly tokens: readonly number[];
  readonly round: number;
  readonly tops: number;
}

const CASES: Case[] = [
  [1, 1, 0, 0],
  [2, 3, 1, 2],
  [70, 12, 4, 20],
  [257, 64, 63, 3],
  [4096, 9, 3, 5],
].map(([vocab, nodes, accepted, tops], i) => {
  const next = uniforms(i);
  const path = Array.from(
    { length: accepted! + 1 },
    (_, j) => j * Math.floor(nodes! / (accepted! + 1)),
  );
  const tokens = path.map(() => Math.floor(next() * vocab!));
  return { vocab: vocab!, nodes: nodes!, path, tokens, round: 30 + i, tops: tops! };
});

function logitsOf({ vocab, nodes }: Case): Float32Array<ArrayBuffer> {
  return logitRows(vocab, nodes);
}

async function run(gpu: Gpu, one: Case, spec = gatherLogProbs, gatheredRound = 0) {
  const { buffers: scope } = gpu;
  const { vocab, nodes, path, tokens, round, tops } = one;
  const k = Math.max(1, tops);
  const shape = { width: path.length + 2, tops };
  const words = encodeControl({ round });
  words.set(path, CONTROL.offsets.path / 4);
  const ring = new Uint32Array((RING_ROUNDS * ROUND_RECORD.bytes) / 4);
  const at = ((round - 1) % RING_ROUNDS) * ROUND_RECORD.bytes;
  ring[(at + ROUND_RECORD.offsets.accepted) / 4] = path.length - 1;
  ring.set(tokens, (at + ROUND_RECORD.offsets.tokens) / 4);
  const logits = scope.upload("logits", logitsOf(one));
  const candidates = scope.storage("candidates", nodes * k * 8);
  const gathered = scope.storage("gathered", gatheredBytes(shape));
  scope.write(gathered, 0, Uint32Array.of(gatheredRound));
  const sharpness = scope.upload("sharpness", Float32Array.of(1));
  const recording = new Recording();
  const constants = { WORKGROUP_SIZE: topCandidatesLanes(vocab, k) };
  const top = gpu.kernels.compile(topCandidates, { constants });
  recording.dispatch(
    top.bind(scope, { logits, sharpness, candidates }, { vocab, k }),
    topCandidatesGrid(nodes),
  );
  const buffers = {
    control: scope.upload("control", words),
    ring: scope.upload("ring", ring),
    logits,
    candidates,
    gathered,
  };
  const pipeline = gpu.kernels.compile(spec);
  const bound = pipeline.bind(scope, buffers, { vocab, k, ...shape });
  recording.dispatch(bound, gatherLogProbsGrid());
  const size = gatheredBytes(shape) - GATHERED_HEADER_BYTES;
  const wanted = { ...gathered, offset: GATHERED_HEADER_BYTES, size };
  const [bytes] = await gpu.submitAndRead([recording], [wanted]);
  const index = (round - 1) % RING_ROUNDS;
  const elsewhere = new Uint8Array(bytes!.slice(0));
  elsewhere.fill(0, index * logProbRecordBytes(shape), (index + 1) * logProbRecordBytes(shape));
  expect(elsewhere.every((byte) => byte === 0)).toBe(true);
  return decodeLogProbs(bytes!, index, shape, tokens.length);
}

/** Tokens whose numbers are further off than a difference, a sum and the sum of exponentials allow; wrong alternatives. */
function faults(one: Case, actual: readonly DecodedLogProb[]): string[] {
  const logits = logitsOf(one);
  return actual.flatMap((got, j) => {
    const row = logits.subarray(one.path[j]! * one.vocab, (one.path[j]! + 1) * one.vocab);
    const wanted = logProbOf(row, one.tokens[j]!, one.tops);
    const isClose = isCloseUnder(row);
    const pairs = [
      [got.logProbability, wanted.logProbability],
      ...wanted.top.map((entry, i) => [got.top[i]!.logProbability, entry.logProbability]),
    ];
    const ids = wanted.top.every(({ id }, i) => got.top[i]!.id === id);
    const fine = ids && pairs.every(([a, b]) => isClose(a!, b!));
    return fine ? [] : [`token ${j}: ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`];
  });
}

test.each(CASES)("vocabulary $vocab, path $path", (one) =>
  withGpu(async (gpu) => {
    expect(faults(one, await run(gpu, one))).toEqual([]);
  }),
);

test("a round that was gathered is not gathered again", () =>
  withGpu(async (gpu) => {
    const one = CASES[2]!;
    const again = await run(gpu, one, gatherLogProbs, one.round);
    expect(again.every(({ logProbability }) => logProbability === 0)).toBe(true);
  }));

const FAULTS: [string, string][] = [
  ["node = control.path[j]", "node = j"],
  ["ring[record].tokens[j]", "ring[record].tokens[0]"],
  ["below + best.score", "best.score"],
  ["- logits[row + best.token]", ""],
  ["candidates[node * params.k + i]", "candidates[node * params.k]"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    for (const [right, wrong] of FAULTS) {
      const spec = plantFault(gatherLogProbs, right, wrong);
      expect(faults(CASES[2]!, await run(gpu, CASES[2]!, spec)), right).not.toEqual([]);
    }
  }),
);
