import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  CONTROL,
  encodeControl,
  kvCompact,
  kvCompactGrid,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { kvCompact as reference } from "../reference/kv-compact.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { randomParents, SHAPES, toBytes, treeOf } from "../support/token-trees.ts";

interface Case {
  base: number;
  path: number[];
  origins: number[];
  lag: number;
  planes: number;
  kvDim4: number;
}

/** Slots that a case needs: the prefix and every node, wherever the draft has it. */
function slotCount({ base, origins }: Case): number {
  return base + Math.max(...origins) + 1;
}

/** Every float holds its own number. */
function numbered(one: Case): Float32Array<ArrayBuffer> {
  const cache = new Float32Array(one.planes * slotCount(one) * one.kvDim4 * 4);
  for (let i = 0; i < cache.length; i++) cache[i] = i;
  return cache;
}

async function run(gpu: Gpu, cases: readonly Case[], spec = kvCompact) {
  const pipeline = gpu.kernels.compile(spec);
  const recording = new Recording();
  const caches = cases.map((one) => {
    const { base, path, origins, lag, planes, kvDim4 } = one;
    // Verification has moved `base` on by now; only `round_base` may count.
    const words = encodeControl({
      base: base + path.length,
      round_base: base,
      accepted: path.length - 1,
    });
    words.set(path, CONTROL.offsets.path / 4);
    const tree = treeOf(randomParents(origins.length, 0, uniforms(1)), 100, uniforms(2));
    const kv = gpu.buffers.upload("kv", numbered(one));
    const buffers = {
      control: gpu.buffers.upload("control", words),
      tree: gpu.buffers.upload("tree", toBytes({ ...tree, origins }, TARGET_TREE)),
      kv,
    };
    const params = { planes, slots: slotCount(one), kv_dim4: kvDim4, lag };
    recording.dispatch(pipeline.bind(gpu.buffers, buffers, params), kvCompactGrid(kvDim4, planes));
    return kv;
  });
  const data = await gpu.submitAndRead([recording], caches);
  return data.map((bytes) => new Float32Array(bytes));
}

/** The cache as it should be: the reference moves whole slots, in every plane. */
function expected(one: Case): Float32Array<ArrayBuffer> {
  const slots = slotCount(one);
  const row = one.kvDim4 * 4;
  const before = numbered(one);
  const after = new Float32Array(before.length);
  for (let plane = 0; plane < one.planes; plane++) {
    const firsts = Array.from({ length: slots }, (_, slot) => (plane * slots + slot) * row);
    reference(firsts, one).forEach((first, slot) => {
      after.set(before.subarray(first, first + row), firsts[slot]!);
    });
  }
  return after;
}

/** A path down a tree, and origins that rise along the nodes as pruning leaves them. */
function makeCase(parents: readonly number[], shape: Partial<Case>, next: () => number): Case {
  const origins: number[] = [];
  for (let i = 0; i < parents.length; i++) {
    origins.push(i === 0 ? 1 : origins[i - 1]! + 1 + (next() < 0.7 ? 0 : Math.floor(next() * 9)));
  }
  const path = [0];
  for (;;) {
    const children = parents.flatMap((parent, i) => (parent === path.at(-1) ? [i] : []));
    if (children.length === 0 || next() < 0.05) break;
    path.push(children[Math.floor(next() * children.length)]!);
  }
  return {
    base: 1 + Math.floor(next() * 40),
    path,
    origins,
    lag: 0,
    planes: 2,
    kvDim4: 3,
    ...shape,
  };
}

function randomCases(count: number): Case[] {
  const next = uniforms(21);
  return Array.from({ length: count }, () => {
    const parents = randomParents(1 + Math.floor(next() * 64), next(), next);
    const planes = next() < 0.5 ? 2 : 4;
    const kvDim4 = 1 + Math.floor(next() * 4);
    return makeCase(parents, { lag: next() < 0.5 ? 0 : 1, planes, kvDim4 }, next);
  });
}

/** Compared by slots moved, so that a failure names them. */
function differences(actual: readonly Float32Array[], cases: readonly Case[]): string[] {
  return cases.flatMap((one, i) => {
    const wanted = expected(one);
    const wrong = wanted.findIndex((value, at) => actual[i]![at] !== value);
    return wrong < 0
      ? []
      : [`case ${i}, float ${wrong}: ${actual[i]![wrong]}, not ${wanted[wrong]}`];
  });
}

test("random paths: each slot moves once, and nothing else changes", () =>
  withGpu(async (gpu) => {
    const cases = randomCases(200);
    expect(differences(await run(gpu, cases), cases)).toEqual([]);
  }));

test.each([0, 1])("every shape, with lag %i", (lag) =>
  withGpu(async (gpu) => {
    const cases = Object.values(SHAPES).flatMap((parents, i) =>
      [1, 16, 64, 65].map((kvDim4) => makeCase(parents, { lag, kvDim4 }, uniforms(i))),
    );
    expect(differences(await run(gpu, cases), cases)).toEqual([]);
  }),
);

test("sources that are also targets: siblings' chains interleaved", () =>
  withGpu(async (gpu) => {
    // Two chains, 1-3-5-... and 2-4-6-...: the second's every source is an earlier one's target.
    const parents = Array.from({ length: 64 }, (_, i) => (i < 3 ? Math.min(0, i - 1) : i - 2));
    const path = Array.from({ length: 32 }, (_, j) => 2 * j);
    const cases = [0, 1].map((lag) => ({
      ...makeCase(parents, { lag, base: 5 }, uniforms(3)),
      path,
      origins: parents.map((_, i) => i + 1),
    }));
    expect(differences(await run(gpu, cases), cases)).toEqual([]);
  }));

const ASCENDING = "var j = 1u; j + params.lag <= control.accepted; j += 1u";
const FAULTS: [string, string, string][] = [
  ["descending copies", ASCENDING, "var j = control.accepted - params.lag; j + 1u > 1u; j -= 1u"],
  ["the draft moves its last token too", "j + params.lag <=", "j <="],
  ["the target goes by origin", "params.lag == 1u", "true"],
  ["the new base counts", "control.round_base", "control.base"],
  ["one plane only", "(plane * params.slots + source)", "(source)"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    const cases = randomCases(40).filter(({ path }) => path.length > 2);
    for (const [name, right, wrong] of FAULTS) {
      const actual = await run(gpu, cases, plantFault(kvCompact, right, wrong));
      expect(differences(actual, cases), name).not.toEqual([]);
    }
  }),
);
