// logits[r, c] = z - count(c) frequency - presence, with z = logits[r, c] + bias(c), divided by repetition where
// it is positive and else multiplied, for tokens c of the row's last `window` tokens; for others z - or -infinity
// where c is banned, ends the text too early or would complete an n-gram that the row's text has already. A row
// whose token is forced has 0 there and -infinity elsewhere.
//
// A row's text is what is committed and the path from the root to the row's node.
//
// Grid: one workgroup per row. Only what is edited is touched: a row costs its text, not its vocabulary.

override WORKGROUP_SIZE: u32 = 128; // at most 256

const NOT_FORCED = 0xffffffffu;

struct Params {
  vocab: u32,
  node_start: u32, // the tree node of row 0
  lag: u32,        // the root's depth in the tree: 0 for the target's, 1 for the draft's
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> tree: TokenTree;
@group(0) @binding(2) var<storage, read> history: array<u32>;       // [committed]: tokens up to the root, by position
@group(0) @binding(3) var<storage, read> seen: array<Seen>;         // [vocab]: in the last `window` of these
@group(0) @binding(4) var<storage, read> edits: Edits;
@group(0) @binding(5) var<storage, read_write> logits: array<f32>;  // [rows, vocab]
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> forced: atomic<u32>;

// The first position that penalties look at.
fn window_start(text: Text) -> u32 {
  let length = text.committed + text.depth;
  return length - min(edits.window, length);
}

fn penalise(at: u32, count: u32) {
  var z = logits[at];
  if (edits.repetition != 1.0) { z = select(z * edits.repetition, z / edits.repetition, z > 0.0); }
  logits[at] = z - (f32(count) * edits.frequency + edits.presence);
}

// How often the row's last `window` tokens have this one, and whether `position` is the last of these.
fn penalise_last(row: u32, text: Text, position: u32) {
  let token = token_at(text, position);
  let start = window_start(text);
  var count = seen[token].count;
  // What the path adds to the committed window, and what it pushes out of that.
  for (var i = max(start, text.committed); i < text.committed + text.depth; i += 1u) {
    if (path[i - text.committed] != token) { continue; }
    if (i > position) { return; }
    count += 1u;
  }
  let first = text.committed - min(edits.window, text.committed);
  for (var i = first; i < min(start, text.committed); i += 1u) { count -= u32(history[i] == token); }
  if (position < text.committed && seen[token].last != position) { return; }
  penalise(row + token, count);
}

// Whether the tokens before `position` are those that the row ends with, as many as an n-gram has before its last.
fn repeats(text: Text, position: u32) -> bool {
  let length = text.committed + text.depth;
  for (var i = 1u; i < edits.no_repeat; i += 1u) {
    if (token_at(text, position - i) != token_at(text, length - i)) { return false; }
  }
  return true;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let node = params.node_start + group.x;
  let row = group.x * params.vocab;
  let text = text_of(node);
  let length = text.committed + text.depth;
  let new_tokens = length - edits.prompt_length;
  let never = key_number(NEGATIVE_INFINITY_KEY);

  if (lane == 0u) { atomicStore(&forced, NOT_FORCED); }
  read_path(node, text.depth, lane);
  for (var i = lane; i < edits.biases; i += WORKGROUP_SIZE) {
    logits[row + edits.entries[i].key] += bitcast<f32>(edits.entries[i].value);
  }
  workgroupBarrier();
  storageBarrier();

  if (edits.repetition != 1.0 || edits.presence != 0.0 || edits.frequency != 0.0) {
    for (var i = window_start(text) + lane; i < length; i += WORKGROUP_SIZE) { penalise_last(row, text, i); }
  }
  let first_forced = edits.biases + edits.banned + edits.ends;
  for (var i = lane; i < edits.forced; i += WORKGROUP_SIZE) {
    let entry = edits.entries[first_forced + i];
    if (entry.key == new_tokens) { atomicStore(&forced, entry.value); }
  }
  workgroupBarrier();
  storageBarrier();

  let wanted = atomicLoad(&forced);
  if (wanted != NOT_FORCED) {
    for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
      logits[row + c] = select(never, 0.0, c == wanted);
    }
    return;
  }
  let bans = edits.banned + select(0u, edits.ends, new_tokens < edits.min_new_tokens);
  for (var i = lane; i < bans; i += WORKGROUP_SIZE) {
    logits[row + edits.entries[edits.biases + i].key] = never;
  }
  if (edits.no_repeat > 0u) {
    for (var i = edits.no_repeat - 1u + lane; i < length; i += WORKGROUP_SIZE) {
      if (repeats(text, i)) { logits[row + token_at(text, i)] = never; }
    }
  }
}
