// Drafts that grow on one chain of mixed embeddings: what the next pass takes in, and what each draft's
// next score needs. JavaScript writes it at the start and superpose-step after every pass.

const MOST_DRAFTS = 10u;
const TAIL = 5u; // tokens that an n-gram of the highest order, 6, has before its last

struct Drafts {
  live: u32,        // drafts that go on; at a start there is one
  tail_length: u32, // tokens in a tail, at most TAIL: fewer where the text is shorter
  token: array<u32, MOST_DRAFTS>,  // the last token of each, best draft first
  weight: array<f32, MOST_DRAFTS>, // its share in the mix; the shares of live drafts add up to 1
  score: array<f32, MOST_DRAFTS>,  // nats since the start
  tail: array<array<u32, TAIL>, MOST_DRAFTS>, // the last tokens, oldest first
}
