// path[0] = 0; path[j] = the child of path[j - 1] whose token is ids[path[j - 1]] (the lowest index,
// if several): accepts what the target itself would have produced, and one token more.
//
// Grid: one workgroup. Lanes find every node's wanted child at once, then one lane walks.

override WORKGROUP_SIZE: u32 = 64;
const NONE = 0xffffffffu;

struct Params {
  nodes: u32,
}

@group(0) @binding(0) var<storage, read> ids: array<u32>; // [nodes], the target's token after each node
@group(0) @binding(1) var<storage, read> tree: TokenTree;
@group(0) @binding(2) var<storage, read_write> control: Control;
@group(0) @binding(3) var<storage, read_write> ring: array<RoundRecord>; // [RING_ROUNDS]
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> wanted_child: array<atomic<u32>, NODES>;
var<workgroup> has_child: array<atomic<u32>, NODES>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  for (var i = lane; i < params.nodes; i += WORKGROUP_SIZE) {
    atomicStore(&wanted_child[i], NONE);
  }
  workgroupBarrier();
  for (var i = lane + 1u; i < params.nodes; i += WORKGROUP_SIZE) {
    let parent = tree.parent[i];
    atomicStore(&has_child[parent], 1u);
    if (tree.token[i] == ids[parent]) { atomicMin(&wanted_child[parent], i); }
  }
  workgroupBarrier();
  if (lane != 0u) { return; }

  var node = 0u;
  var accepted = 0u;
  while (accepted + 1u < LEVEL_CAPACITY) {
    let child = atomicLoad(&wanted_child[node]);
    if (child == NONE) { break; }
    accepted += 1u;
    control.path[accepted] = child;
    node = child;
  }
  commit_round(accepted, ids[node], atomicLoad(&has_child[node]) == 0u, params.nodes);
}
