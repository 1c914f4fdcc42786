// Surprise: the surprise of a token is -log2 p, in bits, under the softmax of a row of logits / temperature.

const BITS = 1.4426950408889634; // 1 / log 2
const NATS = 0.6931471805599453; // log 2

// What turns a row's logits into surprises: that of z is (log_sum - (z - top) / temperature) / log 2.
struct RowSurprise {
  top: f32,     // the largest logit
  log_sum: f32, // log sum_c exp((z_c - top) / temperature), 0 or more
  zipf: f32,    // by which power of their rank the most probable tokens' probabilities fall; 0 unless asked for
  finite: u32,  // logits above -infinity
}

// What a round's tokens were drawn with: beside each round record, and like it written once.
struct SurpriseRecord {
  mu: array<f32, LEVEL_CAPACITY>,       // after each token
  surprise: array<f32, LEVEL_CAPACITY>, // of each token, under the row's whole distribution
  kept: array<u32, LEVEL_CAPACITY>,     // tokens among which each was drawn
}
