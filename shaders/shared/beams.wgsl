// A beam search on the GPU: groups of beams, each with its finished texts, best first. JavaScript writes it once at the start.

const MAX_BEAMS = 10u;

struct FinishedBeam {
  score: f32,  // sum of log-probabilities / length ^ length_penalty
  node: u32,   // the tree's node before the last token
  token: u32,  // the last token
  length: u32, // tokens below the root, the last one included
}

struct BeamSearch {
  max_tokens: u32, // below the root; at most LEVELS - 1
  step: u32,       // steps done: the depth of the running beams
  done: u32,       // 1: later steps change nothing
  group_done: array<u32, MAX_BEAMS>,
  finished_count: array<u32, MAX_BEAMS>,
  finished: array<FinishedBeam, MAX_BEAMS>, // group g's from g * width on
}
