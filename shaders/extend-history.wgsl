// history[base'..base] = the tokens that the last round committed, the new root included, and seen = what the last
// `window` of all tokens say of each id, where anybody asks: kept up to date, so that no row has to count.
//
// Grid: one workgroup, of which one lane works: a round commits a few tokens.

override WORKGROUP_SIZE: u32 = 1;

struct Params {
  counts: u32, // 1: `seen` is kept
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> tree: TokenTree;
@group(0) @binding(2) var<storage, read> edits: Edits;
@group(0) @binding(3) var<storage, read_write> history: array<u32>; // [context]: tokens by position
@group(0) @binding(4) var<storage, read_write> seen: array<Seen>;   // [vocab]
@group(0) @binding(5) var<uniform> params: Params;

fn append(position: u32, token: u32) {
  history[position] = token;
  if (params.counts == 0u) { return; }
  if (position >= edits.window) { seen[history[position - edits.window]].count -= 1u; }
  seen[token].count += 1u;
  seen[token].last = position;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  // A round that ends the text, or comes after the end, commits nothing.
  if (control.done == 1u || lane > 0u) { return; }
  // The positions between the old root and the new: none where the one child kept is the new root, as in contrastive search.
  for (var j = 1u; control.round_base + j < control.base; j += 1u) {
    append(control.round_base + j, tree.token[control.path[j]]);
  }
  append(control.base, control.pending);
}
