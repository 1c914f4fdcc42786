// tree = the root and the nodes - 1 best candidates by score (the lower index on a tie), in index
// order: what the target scores. A score never exceeds its parent's, so a kept node's parent is kept.
//
// Grid: one workgroup. A candidate's place is the number of candidates that precede it.

override WORKGROUP_SIZE: u32 = 256;

const ROOT = 1u; // in the candidate tree, where node 0 is the token before the root

struct Params {
  candidates: u32, // nodes of the candidate tree, 0 and ROOT included
  nodes: u32,      // nodes of the new tree, root included; at most candidates - 1
}

// As TokenTree, in the draft's size.
struct CandidateTree {
  token: array<u32, CANDIDATES>,
  parent: array<u32, CANDIDATES>,
  depth: array<u32, CANDIDATES>,
  score: array<f32, CANDIDATES>,
  origin: array<u32, CANDIDATES>,
  ancestor: array<array<u32, CANDIDATE_LEVELS>, CANDIDATES>,
}

@group(0) @binding(0) var<storage, read> candidates_tree: CandidateTree;
@group(0) @binding(1) var<storage, read_write> tree: TokenTree;
@group(0) @binding(2) var<uniform> params: Params;

const WORDS = (CANDIDATES + 31u) / 32u;

var<workgroup> key: array<u32, CANDIDATES>;
var<workgroup> kept: array<atomic<u32>, WORDS>; // one bit per candidate
var<workgroup> new_index: array<u32, CANDIDATES>;

fn is_kept(i: u32) -> bool {
  if (i <= ROOT) { return i == ROOT; }
  var place = 1u; // the root's
  for (var other = ROOT + 1u; other < params.candidates; other += 1u) {
    place += u32(beats(Ranked(key[other], other), Ranked(key[i], i)));
  }
  return place < params.nodes;
}

fn count_kept_before(i: u32) -> u32 {
  var count = countOneBits(atomicLoad(&kept[i / 32u]) & ((1u << (i % 32u)) - 1u));
  for (var word = 0u; word < i / 32u; word += 1u) { count += countOneBits(atomicLoad(&kept[word])); }
  return count;
}

fn write_node(node: u32, i: u32) {
  let levels = candidates_tree.depth[i];
  tree.token[node] = candidates_tree.token[i];
  tree.parent[node] = NO_PARENT;
  if (i != ROOT) { tree.parent[node] = new_index[candidates_tree.parent[i]]; }
  tree.depth[node] = levels - 1u;
  tree.score[node] = candidates_tree.score[i];
  tree.origin[node] = i;
  for (var d = 0u; d < levels; d += 1u) {
    tree.ancestor[node][d] = new_index[candidates_tree.ancestor[i][d + 1u]];
  }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  for (var i = lane; i < params.candidates; i += WORKGROUP_SIZE) {
    key[i] = order_key(candidates_tree.score[i]);
  }
  workgroupBarrier();
  for (var i = lane; i < params.candidates; i += WORKGROUP_SIZE) {
    if (is_kept(i)) { atomicOr(&kept[i / 32u], 1u << (i % 32u)); }
  }
  workgroupBarrier();
  for (var i = lane; i < params.candidates; i += WORKGROUP_SIZE) {
    new_index[i] = count_kept_before(i);
  }
  workgroupBarrier();
  for (var i = lane; i < params.candidates; i += WORKGROUP_SIZE) {
    let is_set = (atomicLoad(&kept[i / 32u]) >> (i % 32u)) & 1u;
    if (is_set == 1u) { write_node(new_index[i], i); }
  }
}
