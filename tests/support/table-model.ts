// A model that is a table: the logits after a token depend on it and the one before. It stands in for
// both models where the round around them is tested, and "caches" each token with its position.
import { defineKernel } from "../../src/gpu/index.ts";
import control from "../../shaders/shared/control.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import { normals } from "./random.ts";

export interface TableModel {
  readonly vocab: number;
  readonly contexts: number;
  /** `[contexts, vocab]` */
  readonly table: Float32Array<ArrayBuffer>;
}

/** A target, and a draft that agrees with it the more, the smaller `noise` is. */
export function tablePair(seed: number, noise: number): { target: TableModel; draft: TableModel } {
  const normal = normals(seed);
  const size = { vocab: 64, contexts: 97 };
  const table = Float32Array.from({ length: size.vocab * size.contexts }, () => 3 * normal());
  const blurred = table.map((x) => x + noise * normal());
  return { target: { ...size, table }, draft: { ...size, table: blurred } };
}

/** The logits after `token`, which follows `before`. */
export function tableRow({ vocab, contexts, table }: TableModel, token: number, before: number) {
  const row = (3 * token + before) % contexts;
  return table.subarray(row * vocab, (row + 1) * vocab);
}

/** The same on the GPU, one workgroup per row, with the token rules of `embed-rows`. */
export const tableForward = defineKernel({
  name: "table-forward",
  wgsl: `
struct Params { row_start: u32, head_first: u32, vocab: u32, contexts: u32, lag: u32, slots: u32 }
@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> tree: TokenTree;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;
@group(0) @binding(4) var<storage, read_write> kv: array<vec4<f32>>; // [2, slots, 1]
@group(0) @binding(5) var<uniform> params: Params;

fn token_of(node: u32) -> u32 {
  if (node < params.lag) { return control.previous; }
  if (node == params.lag) { return control.pending; }
  return tree.token[node];
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let node = params.row_start + group.x;
  let token = token_of(node);
  var before = control.previous;
  if (node > params.lag) { before = token_of(tree.parent[node]); }
  if (lane < 2u) {
    let base = control.base - params.lag;
    kv[lane * params.slots + base + node] =
      vec4(f32(token), f32(base + tree.depth[node]), f32(lane), 1.0);
  }
  if (group.x < params.head_first) { return; }
  let row = (3u * token + before) % params.contexts;
  for (var c = lane; c < params.vocab; c += 64u) {
    logits[(group.x - params.head_first) * params.vocab + c] = table[row * params.vocab + c];
  }
}`,
  shared: [control, tree],
  buffers: { control: "read", tree: "read", table: "read", logits: "read_write", kv: "read_write" },
  params: {
    row_start: "u32",
    head_first: "u32",
    vocab: "u32",
    contexts: "u32",
    lag: "u32",
    slots: "u32",
  },
  constants: {},
  statics: { NODES: 64, LEVELS: 64 },
});
