// nodes[level_start..] = the `width` best of score[f] + candidates[f, j].score (the lower f, then the
// lower j on a tie), in (f, j) order: the next level of a tree.
//
// Grid: one workgroup. A row of candidates stands best first, so those of row f that precede a given
// candidate are a prefix of the row, found by bisection, and the chosen ones are a prefix too.

override WORKGROUP_SIZE: u32 = 256;

struct Params {
  frontier_start: u32, // the first node of the level above; candidates' row f is node start + f
  frontier_count: u32,
  k: u32,
  level_start: u32, // the first node to be written
  width: u32,       // nodes to write; at most frontier_count * k
  depth: u32,       // of the new nodes
}

@group(0) @binding(0) var<storage, read> candidates: array<Candidate>; // [frontier_count, k]
@group(0) @binding(1) var<storage, read_write> tree: TokenTree;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> chosen: array<atomic<u32>, NODES>; // how many of each row's candidates

fn path_score(f: u32, j: u32) -> f32 {
  return tree.score[params.frontier_start + f] + candidates[f * params.k + j].score;
}

// The number of candidates in row f whose key is at least `lowest`.
fn count_from(f: u32, lowest: u32) -> u32 {
  var low = 0u;
  var high = params.k;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (order_key(path_score(f, middle)) >= lowest) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

// Whether fewer than `width` candidates precede (f, j).
fn is_chosen(f: u32, j: u32) -> bool {
  let key = order_key(path_score(f, j));
  var place = j;
  for (var row = 0u; row < params.frontier_count && place < params.width; row += 1u) {
    // On a tie the lower row goes first, so in a higher row only a larger key does.
    if (row != f) { place += count_from(row, key + u32(row > f)); }
  }
  return place < params.width;
}

fn write_node(node: u32, f: u32, j: u32) {
  let parent = params.frontier_start + f;
  tree.token[node] = candidates[f * params.k + j].token;
  tree.parent[node] = parent;
  tree.depth[node] = params.depth;
  tree.score[node] = path_score(f, j);
  tree.origin[node] = node;
  for (var d = 0u; d < params.depth; d += 1u) {
    tree.ancestor[node][d] = tree.ancestor[parent][d];
  }
  tree.ancestor[node][params.depth] = node;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  let count = params.frontier_count * params.k;
  for (var c = lane; c < count; c += WORKGROUP_SIZE) {
    if (is_chosen(c / params.k, c % params.k)) { atomicAdd(&chosen[c / params.k], 1u); }
  }
  workgroupBarrier();

  for (var i = lane; i < params.width; i += WORKGROUP_SIZE) {
    var f = 0u;
    var j = i;
    while (f < params.frontier_count && j >= atomicLoad(&chosen[f])) {
      j -= atomicLoad(&chosen[f]);
      f += 1u;
    }
    write_node(params.level_start + i, f, j);
  }
}
