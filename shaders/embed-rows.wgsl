// Embedding lookup: x[r, :] = scale w[token(r), :], and where each row stands: rows[r].
//
// Grid: one workgroup per row; its lanes stride over the columns.

override WORKGROUP_SIZE: u32 = 64;
override EMBED_SCALE: f32 = 1;

struct Params {
  cols4: u32,     // hidden / 4
  row_start: u32, // the tree node of row 0
  lag: u32,       // tokens by which this model's cache lags behind: 0 for the target, 1 for the draft
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> tree: TokenTree;
@group(0) @binding(2) var<storage, read> w: array<weight_word>;           // [vocab, hidden]
@group(0) @binding(3) var<storage, read_write> rows: array<Row>;          // [rows]
@group(0) @binding(4) var<storage, read_write> x: array<vec4<f32>>;       // [rows, hidden]
@group(0) @binding(5) var<uniform> params: Params;

fn token_of(node: u32) -> u32 {
  if (node < params.lag) {
    return control.previous;
  }
  if (node == params.lag) {
    return control.pending;
  }
  return tree.token[node];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let node = params.row_start + row;
  let token = token_of(node);
  for (var c = lane; c < params.cols4; c += WORKGROUP_SIZE) {
    x[row * params.cols4 + c] = EMBED_SCALE * load_chunk(token, c, params.cols4);
  }
  if (lane == 0u) {
    let base = control.base - params.lag;
    rows[row] = Row(node, base, base + tree.depth[node], base + node);
  }
}
