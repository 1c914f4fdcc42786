// kv[p, base + j, :] = kv[p, base + path[j], :] for j = 1..accepted: the kept path's keys and values
// move to the end of the prefix. With lag 1 (the draft's cache) the source is slot
// base - 1 + origin[path[j]], and the last accepted token is left out: it is computed anew.
//
// Grid: (ceil(kv_dim4 / WORKGROUP_SIZE), planes), a lane per vec4 column. In place: a source never
// stands before its target and sources ascend, so copying by ascending j overwrites none in need.

override WORKGROUP_SIZE: u32 = 64;

struct Params {
  planes: u32,
  slots: u32,
  kv_dim4: u32, // vec4s per slot
  lag: u32,     // 0: the target's cache, slots by tree node; 1: the draft's, by candidate
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> tree: TokenTree;
@group(0) @binding(2) var<storage, read_write> kv: array<vec4<f32>>; // [planes, slots, kv_dim4]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let column = id.x;
  let plane = id.y;
  if (column >= params.kv_dim4 || plane >= params.planes) { return; }
  let base = control.round_base;
  for (var j = 1u; j + params.lag <= control.accepted; j += 1u) {
    var source = base + control.path[j];
    if (params.lag == 1u) { source = base - 1u + tree.origin[control.path[j]]; }
    let source_at = (plane * params.slots + source) * params.kv_dim4 + column;
    let target_at = (plane * params.slots + base + j) * params.kv_dim4 + column;
    kv[target_at] = kv[source_at];
  }
}
