// Where each row of a forward pass stands; written once per pass by embed-rows.

struct Row {
  node: u32,     // index into the token tree
  base: u32,     // committed tokens in this model's cache
  position: u32, // base + depth of the node: its rotary position, and its number of earlier keys
  slot: u32,     // base + node: where its key and value are written
}
