// A token tree as a struct of arrays. Node 0 is the root; parent[i] < i; siblings in draw order.
// NODES and LEVELS come from the prelude: the target's tree and a draft's candidate tree differ in size.

const NO_PARENT = 0xffffffffu;

struct TokenTree {
  token: array<u32, NODES>,
  parent: array<u32, NODES>,  // NO_PARENT for the root
  depth: array<u32, NODES>,   // 0 for the root; position = base + depth
  score: array<f32, NODES>,   // sum of the draft's log-probabilities along the path, nats
  origin: array<u32, NODES>,  // the node's index in the draft's candidate tree
  ancestor: array<array<u32, LEVELS>, NODES>, // ancestor[i][d]: i's ancestor at depth d, itself at its own depth
}
