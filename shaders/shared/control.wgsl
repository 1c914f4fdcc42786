// The control block: the state of one sequence, owned by the GPU. JavaScript writes it once at the
// start; after that only verification kernels do, so rounds can be encoded ahead.

const LEVEL_CAPACITY = 64u; // longest root-to-leaf path, and most tokens a round can emit
const END_CAPACITY = 8u;    // token ids that end a text

struct Control {
  base: u32,       // committed tokens whose keys and values are in the target's cache
  pending: u32,    // the committed token at position `base`, not yet in the cache: the tree's root
  previous: u32,   // the committed token at position `base - 1` (0 when base = 0)
  round: u32,      // rounds finished
  done: u32,       // 1 when the text ended or is as long as it may be: later rounds change nothing
  seed: u32,
  accepted: u32,   // draft tokens accepted by the last round
  round_base: u32, // `base` as the last round found it
  limit: u32,      // committed tokens, prompt included, at which the text is long enough; 0: no limit
  end_count: u32,  // how many of `end_tokens` are meant
  end_tokens: array<u32, END_CAPACITY>,
  path: array<u32, LEVEL_CAPACITY>, // nodes the last round kept: path[0] = 0, path[1..accepted]
}
