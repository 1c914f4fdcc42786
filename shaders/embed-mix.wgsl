// Embedding of a mix: x[:] = scale sum_i weight_i w[token_i, :] over the live drafts, and where the row stands.
//
// Grid: ceil(cols4 / WORKGROUP_SIZE) workgroups, a lane per four columns. One draft of weight 1 gives its
// embedding bit for bit.

override WORKGROUP_SIZE: u32 = 64;
override EMBED_SCALE: f32 = 1;

struct Params {
  cols4: u32, // hidden / 4
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> drafts: Drafts;
@group(0) @binding(2) var<storage, read> w: array<weight_word>;     // [vocab, hidden]
@group(0) @binding(3) var<storage, read_write> rows: array<Row>;    // [1]
@group(0) @binding(4) var<storage, read_write> x: array<vec4<f32>>; // [1, hidden]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  // The root of a tree of one node.
  if (id.x == 0u) { rows[0] = Row(0u, control.base, control.base, control.base); }
  if (id.x >= params.cols4) { return; }
  var sum = drafts.weight[0] * load_chunk(drafts.token[0], id.x, params.cols4);
  for (var i = 1u; i < min(drafts.live, MOST_DRAFTS); i += 1u) {
    let weight = drafts.weight[i];
    // The weight of a draft far behind is zero in f32, and its row need not be read.
    if (weight > 0.0) {
      sum = fma(vec4(weight), load_chunk(drafts.token[i], id.x, params.cols4), sum);
    }
  }
  x[id.x] = EMBED_SCALE * sum;
}
