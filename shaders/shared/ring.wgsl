// What a round gave, for the page: one record per round in a ring that JavaScript reads back.

struct RoundRecord {
  stamp: u32,    // the round's number, from 1 on; a record with another stamp is not that round's
  accepted: u32, // draft tokens accepted; tokens[0..accepted] are the round's accepted + 1 tokens
  leaf: u32,     // 1: the walk ended at a leaf, the last token is a bonus token; 0: a recovered token
  base: u32,     // committed tokens before the round
  nodes: u32,    // nodes the target scored, root included
  depth: u32,    // the deepest of them; 0: the root alone
  steps: array<u32, LEVEL_CAPACITY>, // four bytes per node of the path that was kept; see `step_of`
  tokens: array<u32, LEVEL_CAPACITY>,
}
