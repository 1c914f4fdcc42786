// Tree attention: out[r, h, :] = sum_l p_l v_l, with p = softmax_l(q[r, h, :] k_l / sqrt(head_dim)), over
// the logical indices l = 0..position: the prefix, then the row's ancestors in the tree.
// With WINDOW only the last so many of these; with QUERY_SCALAR that in place of head_dim; with SOFTCAP c
// a score s is c tanh(s / c).
//
// Grid: x = heads, y = rows. Softmax runs online over tiles of TILE keys, with as many lanes. In a tile each
// lane scores one key; then it sums one vec4 of the output over every groups-th key. What is added to what, and
// when, depends on l, the position, head_dim and TILE alone, so a row's bits do not depend on the rest of the tree.

override WINDOW: u32 = 0;
override QUERY_SCALAR: f32 = 0;
override SOFTCAP: f32 = 0;

struct Params {
  heads: u32,
  kv_heads: u32,
  head_dim: u32, // a multiple of 4, at most 256
  slots: u32,
}

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;          // [rows, heads, head_dim]
@group(0) @binding(1) var<storage, read> kv: array<vec4<f32>>;         // [2, slots, kv_heads, head_dim]: keys, values
@group(0) @binding(2) var<storage, read> rows: array<Row>;             // [rows]
@group(0) @binding(3) var<storage, read> tree: TokenTree;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;  // [rows, heads, head_dim]
@group(0) @binding(5) var<uniform> params: Params;

const LOWEST = -3.0e38; // stands for -inf, which WGSL lets compilers assume away

// Barriers cost most here, on software adapters above all: two per tile and one at the end.
var<workgroup> scores: array<f32, TILE>;
var<workgroup> chances: array<f32, TILE>; // exp(score - highest), not yet divided by their sum
var<workgroup> values_at: array<u32, TILE>; // where the tile's values start in kv
var<workgroup> partials: array<vec4<f32>, TILE>; // each lane's part of the output
var<workgroup> sums: array<f32, TILE>; // the chances behind each part

// The slot of the key at logical index l. The base of a draft's first pass may be -1, hence the signs.
fn slot_of(row: Row, l: u32) -> u32 {
  let beyond_prefix = i32(l - row.base);
  if (beyond_prefix < 0) {
    return l;
  }
  return row.base + tree.ancestor[row.node][beyond_prefix];
}

// The highest of all lanes' scores. To be called by all lanes.
fn highest_score(lane: u32, score: f32) -> f32 {
  scores[lane] = score;
  workgroupBarrier();
  var high = scores[0];
  for (var i = 1u; i < TILE; i++) {
    high = max(high, scores[i]);
  }
  return high;
}

@compute @workgroup_size(TILE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = group.x;
  let row = rows[group.y];
  let keys = row.position + 1u;
  let dim4 = params.head_dim / 4u;
  let kv_dim4 = params.kv_heads * dim4;
  let kv_head_at = head / (params.heads / params.kv_heads) * dim4;
  let q_at = (group.y * params.heads + head) * dim4;
  let scale = inverseSqrt(select(f32(params.head_dim), QUERY_SCALAR, QUERY_SCALAR > 0.0));
  // By positions, not slots: whatever else the tree holds, a row's window is that of its own path.
  let first = select(0u, keys - WINDOW, WINDOW > 0u && keys > WINDOW);

  // A lane's part in summing values: output vec4 number `part`, keys `key_group`, key_group + groups, ...
  var parts = 1u;
  while (parts < dim4) {
    parts *= 2u;
  }
  let groups = TILE / parts;
  let part = lane % parts;
  let key_group = lane / parts;

  var highest = LOWEST;
  var sum = 0.0; // of the chances of this lane's keys
  var output = vec4<f32>();
  for (var tile = first; tile < keys; tile += TILE) {
    let l = tile + lane;
    var score = LOWEST;
    var slot_at = 0u;
    if (l < keys) {
      slot_at = slot_of(row, l) * kv_dim4 + kv_head_at;
      score = 0.0;
      for (var i = 0u; i < dim4; i++) {
        score = add_dot(score, q[q_at + i], kv[slot_at + i]);
      }
      score *= scale;
      if (SOFTCAP > 0.0) {
        score = softcap(score, SOFTCAP);
      }
    }

    let higher = max(highest, highest_score(lane, score));
    let rescale = select(exp(highest - higher), 0.0, tile == first);
    highest = higher;
    var chance = 0.0;
    if (l < keys) {
      chance = exp(score - highest);
    }
    chances[lane] = chance;
    values_at[lane] = slot_at + params.slots * kv_dim4;
    workgroupBarrier();

    output *= rescale;
    sum *= rescale;
    if (part < dim4) {
      let count = min(keys - tile, TILE);
      for (var key = key_group; key < count; key += groups) {
        output = fma(vec4(chances[key]), kv[values_at[key] + part], output);
        sum += chances[key];
      }
    }
  }

  partials[lane] = output;
  sums[lane] = sum;
  workgroupBarrier();
  if (lane < dim4) {
    for (var other = 1u; other < groups; other++) {
      output += partials[other * parts + lane];
      sum += sums[other * parts + lane];
    }
    // No keys, no sum: the row of a draft before the first token.
    out[q_at + lane] = select(vec4<f32>(), output / sum, keys > 0u);
  }
}
