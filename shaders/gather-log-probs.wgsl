// log p of the j-th token of the last round = logits[path[j], token] - logits[path[j], top] + log p(top), and beside
// it the most probable tokens of that row: for the nodes that were kept, into the round's record.
//
// Grid: one workgroup, a lane per token.

override WORKGROUP_SIZE: u32 = 64;
override RING_ROUNDS: u32 = 32; // records in the ring

struct Params {
  vocab: u32,
  k: u32,     // candidates per row
  tops: u32,  // of these, how many are gathered
  width: u32, // tokens per record
}

struct Gathered {
  round: u32,        // rounds finished when this was last written
  words: array<u32>, // [RING_ROUNDS, width, 1 + 2 tops]: bits of log p, then ids and bits of log p
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> ring: array<RoundRecord>;       // [RING_ROUNDS]
@group(0) @binding(2) var<storage, read> logits: array<f32>;             // [nodes, vocab]
@group(0) @binding(3) var<storage, read> candidates: array<Candidate>;   // [nodes, k], best first
@group(0) @binding(4) var<storage, read_write> gathered: Gathered;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  let known = gathered.round;
  workgroupBarrier();
  // A round after the end changes nothing.
  if (known == control.round) { return; }
  let record = (control.round - 1u) % RING_ROUNDS;
  for (var j = lane; j <= ring[record].accepted; j += WORKGROUP_SIZE) {
    let node = control.path[j];
    let at = (record * params.width + j) * (1u + 2u * params.tops);
    let best = candidates[node * params.k];
    let row = node * params.vocab;
    let below = logits[row + ring[record].tokens[j]] - logits[row + best.token];
    gathered.words[at] = bitcast<u32>(min(below + best.score, 0.0));
    for (var i = 0u; i < params.tops; i += 1u) {
      let candidate = candidates[node * params.k + i];
      gathered.words[at + 1u + 2u * i] = candidate.token;
      gathered.words[at + 2u + 2u * i] = bitcast<u32>(candidate.score);
    }
  }
  if (lane == 0u) { gathered.round = control.round; }
}
