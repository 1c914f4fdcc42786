// What a round gave, for the page: one record per round in a ring that JavaScript reads back.

struct RoundRecord {
  accepted: u32, // draft tokens accepted; tokens[0..accepted] are the round's accepted + 1 tokens
  leaf: u32,     // 1: the walk ended at a leaf, the last token is a bonus token; 0: a recovered token
  base: u32,     // committed tokens before the round
  nodes: u32,    // nodes the target scored, root included
  tokens: array<u32, LEVEL_CAPACITY>,
}
