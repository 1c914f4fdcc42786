// What is changed in the logits before the sampling stages: written once, at the start of a text.

struct Edits {
  prompt_length: u32,
  min_new_tokens: u32, // until then nothing ends the text
  no_repeat: u32,      // length of the n-grams that may not come twice; 0: any may
  window: u32,         // how many of the last tokens penalties look at
  repetition: f32,     // above 0; 1: none
  presence: f32,
  frequency: f32,
  biases: u32,         // entries of each kind, one kind after another
  banned: u32,
  ends: u32,
  forced: u32,
  entries: array<Entry>, // [biases + banned + ends + forced]
}

// A token id, and the bits of its bias; of forced tokens the index among the new tokens, and the id.
struct Entry {
  key: u32,
  value: u32,
}

// What the last `window` tokens say of a token id.
struct Seen {
  count: u32,
  last: u32, // position of the last one; counts only where there is one
}
