import { expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import { CONTROL, encodeControl, keepRow, keepRowGrid } from "../../src/kernels/index.ts";
import { keepRow as reference } from "../reference/keep-row.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest } from "../support/slow-adapters.ts";

interface Case {
  readonly vocab: number;
  readonly rows: number;
  readonly k: number;
  readonly chosen: number;
  readonly opening?: boolean;
  readonly done?: boolean;
}

const UNTOUCHED = 7;

async function run(gpu: Gpu, one: Case, spec = keepRow) {
  const { vocab, rows, k, chosen, opening = false, done = false } = one;
  const { buffers: scope } = gpu;
  const pipeline = gpu.kernels.compile(spec);
  const control = encodeControl({ done: Number(done), accepted: 1 });
  control[CONTROL.offsets.path / 4 + 1] = opening ? 0 : 1 + chosen;
  const logits = Float32Array.from({ length: rows * vocab }, (_, i) => (i % 7 ? i : -Infinity));
  const candidates = Uint32Array.from({ length: 2 * rows * k }, (_, i) => 1000 + i);
  // A place more than is needed, to see that nothing is stored past the end.
  const kept = scope.upload("kept", new Float32Array(vocab + 1).fill(UNTOUCHED));
  const keptCandidates = scope.upload(
    "kept candidates",
    new Uint32Array(2 * k + 2).fill(UNTOUCHED),
  );
  const buffers = {
    control: scope.upload("control", control),
    logits: scope.upload("logits", logits),
    candidates: scope.upload("candidates", candidates),
    kept,
    kept_candidates: keptCandidates,
  };
  const recording = new Recording();
  const params = { vocab, k, opening: Number(opening) };
  recording.dispatch(pipeline.bind(scope, buffers, params), keepRowGrid(vocab));
  const [row, best] = await gpu.submitAndRead([recording], [kept, keptCandidates]);
  const actual = {
    row: [...new Float32Array(row!, 0, vocab + 1)],
    candidates: [...new Uint32Array(best!, 0, 2 * k + 2)],
  };
  const from = opening ? 0 : chosen;
  const isKept = opening || !done;
  const wanted = {
    row: [
      ...(isKept ? reference(logits, from, vocab) : new Array(vocab).fill(UNTOUCHED)),
      UNTOUCHED,
    ],
    candidates: [
      ...(isKept ? reference(candidates, from, 2 * k) : new Array(2 * k).fill(UNTOUCHED)),
      UNTOUCHED,
      UNTOUCHED,
    ],
  };
  return { actual, wanted };
}

const CASES: readonly Case[] = [
  { vocab: 1, rows: 1, k: 1, chosen: 0 },
  { vocab: 3, rows: 16, k: 3, chosen: 15 },
  { vocab: 257, rows: 4, k: 20, chosen: 2 },
  { vocab: 4096, rows: 3, k: 5, chosen: 1 },
  { vocab: 300, rows: 4, k: 1, chosen: 3, done: true },
  { vocab: 300, rows: 4, k: 2, chosen: 3, opening: true },
  { vocab: 300, rows: 4, k: 2, chosen: 3, opening: true, done: true },
];

test.each(CASES)("%j", (one) =>
  withGpu(async (gpu) => {
    const { actual, wanted } = await run(gpu, one);
    expect(actual).toEqual(wanted);
  }),
);

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    for (const [right, wrong] of [
      ["control.path[1] - 1u", "control.path[1]"],
      ["control.path[1] - 1u, 0u", "0u, 0u"],
      ["control.done == 1u", "false"],
      ["row * params.k + id.x", "id.x"],
      ["id.x < params.k", "id.x <= params.k"],
    ] as const) {
      const spec = plantFault(keepRow, right, wrong);
      const found = [];
      for (const one of CASES.slice(1, 6)) {
        const { actual, wanted } = await run(gpu, one, spec);
        found.push(JSON.stringify(actual) === JSON.stringify(wanted));
      }
      expect(found, wrong).toContain(false);
    }
  }),
);
