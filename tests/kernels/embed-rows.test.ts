import { expect, test } from "vitest";
import { Recording, type Gpu, type WeightType } from "../../src/gpu/index.ts";
import {
  DRAFT_TREE,
  embedRows,
  embedRowsGrid,
  encodeControl,
  encodeTokenTree,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { embedRows as reference } from "../reference/embed-rows.ts";
import { weights } from "../support/awkward.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { uniforms } from "../support/random.ts";

interface Case {
  readonly rows: number;
  readonly rowStart: number;
  readonly lag: 0 | 1;
  readonly hidden: number;
  readonly base: number;
  readonly type: WeightType;
  /** A power of two, so that the product is exact. */
  readonly scale?: number;
}

const VOCAB = 50;

async function run(
  gpu: Gpu,
  { rows, rowStart, lag, hidden, base, type, scale = 1 }: Case,
  spec = embedRows,
) {
  const uniform = uniforms(rows + hidden);
  const below = (limit: number) => Math.floor(uniform() * limit);
  const count = rowStart + rows;
  const nodes = Array.from({ length: count }, (_, i) => ({
    token: below(VOCAB),
    parent: i <= lag ? i - 1 : below(i),
  }));
  const depth: number[] = [];
  for (const { parent } of nodes) depth.push(parent < 0 ? 0 : depth[parent]! + 1);
  const table = weights(VOCAB, hidden, type);
  const control = { base, pending: below(VOCAB), previous: below(VOCAB) };

  const statics = lag === 0 ? TARGET_TREE : DRAFT_TREE;
  const pipeline = gpu.kernels.compile(spec, {
    statics,
    constants: scale === 1 ? {} : { EMBED_SCALE: scale },
    weights: type,
  });
  const { buffers: scope } = gpu;
  // A row more than is needed, to see that nothing is stored past the end.
  const buffers = {
    control: scope.upload("control", encodeControl(control)),
    tree: scope.upload("tree", encodeTokenTree(statics, nodes)),
    w: scope.upload("w", table.data),
    rows: scope.upload("rows", new Uint32Array((rows + 1) * 4).fill(77)),
    x: scope.upload("x", new Float32Array((rows + 1) * hidden).fill(77)),
  };
  const recording = new Recording();
  recording.dispatch(
    pipeline.bind(scope, buffers, { cols4: hidden / 4, row_start: rowStart, lag }),
    embedRowsGrid(rows),
  );
  const [x, places] = await gpu.submitAndRead([recording], [buffers.x, buffers.rows]);

  const tree = { token: nodes.map((node) => node.token), depth };
  const expected = reference({ control, tree, table: table.values, hidden, rows, rowStart, lag });
  return {
    actual: { x: [...new Float32Array(x!)], rows: [...new Uint32Array(places!)] },
    expected: {
      x: [...expected.x.map((value) => scale * value), ...Array.from({ length: hidden }, () => 77)],
      rows: [
        ...expected.rows.flatMap((row) => [row.node, row.base, row.position, row.slot]),
        77,
        77,
        77,
        77,
      ],
    },
  };
}

const TYPES = Object.keys(embedRows.weights) as WeightType[];

test.each(TYPES)("%s tables: exact, whatever the row and the lag", (type) =>
  withGpu(async (gpu) => {
    for (const [rows, rowStart, lag, hidden, base] of [
      [1, 0, 0, 4, 0],
      [64, 0, 0, 64, 17],
      [5, 3, 0, 260, 1000],
      [2, 0, 1, 64, 1],
      [7, 2, 1, 576, 90],
      [130, 1, 1, 8, 3],
      // The draft before its first committed token: its base is -1.
      [3, 0, 1, 8, 0],
    ] as const) {
      const { actual, expected } = await run(gpu, { rows, rowStart, lag, hidden, base, type });
      expect(actual).toEqual(expected);
    }
  }),
);

test("a scale multiplies the embeddings and nothing else", () =>
  withGpu(async (gpu) => {
    const size = { rows: 3, rowStart: 1, lag: 0, hidden: 20, base: 5, type: "f32" } as const;
    const { actual, expected } = await run(gpu, { ...size, scale: 8 });
    expect(actual).toEqual(expected);
    expect(actual.x).not.toEqual((await run(gpu, size)).actual.x);
  }));

faultTest.each([
  ["the tree's token where the pending one belongs", "node == params.lag", "false"],
  [
    "the pending token where the previous one belongs",
    "return control.previous",
    "return control.pending",
  ],
  ["no lag", "control.base - params.lag", "control.base"],
  ["the depth is left out", "base + tree.depth[node]", "base"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const size = { rows: 5, rowStart: 0, lag: 1, hidden: 8, base: 9, type: "f32" } as const;
    const { actual, expected } = await run(gpu, size, plantFault(embedRows, right, wrong));
    expect(actual).not.toEqual(expected);
  }),
);
