// level = per group of `width` beams, best first, the `width` best of score[b] + log p(x | b) - diversity * n(x) that do not end a text;
// n(x) = how many beams of earlier groups take x at this step. Of the `keep` best, those that end one are finished if among
// the first `width`: score / length ^ length_penalty. Hugging Face's beam search (and group beam search, arXiv 1610.02424).
//
// Grid: one workgroup. Lanes rank a group's candidates against each other; lane 0 takes them in order. A lower beam, then
// a lower token id, wins a tie.

override WORKGROUP_SIZE: u32 = 128;

const MAX_KEPT = 96u; // of a group's candidates: (1 + ends of text) * width at most

const STOP_WHEN_FULL = 1u; // as soon as `width` texts are finished
const STOP_NEVER = 2u;     // when no longer text, however long, can be better

struct Params {
  groups: u32,
  width: u32, // beams per group; groups * width at most 10
  k: u32,     // candidates per row
  keep: u32,  // of a group's candidates; at most 96
  stopping: u32,     // 0: when no running beam is better than the worst finished text
  penalty_sign: u32, // 1: length_penalty is above 0
  diversity: f32,
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> candidates: array<Candidate>; // [beams, k], best first; at the first step one row
@group(0) @binding(2) var<storage, read> divisors: array<f32>;         // [LEVELS], length ^ length_penalty
@group(0) @binding(3) var<storage, read_write> tree: TokenTree;
@group(0) @binding(4) var<storage, read_write> search: BeamSearch;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> kept: array<u32, MAX_KEPT>; // a group's best candidates, as indices into its rows
var<workgroup> taken: array<u32, MAX_BEAMS>; // tokens of the new level
var<workgroup> first_new: u32;

fn ends_text(token: u32) -> bool {
  for (var i = 0u; i < control.end_count; i += 1u) {
    if (control.end_tokens[i] == token) { return true; }
  }
  return false;
}

// At the first step all beams are the root.
fn beam_row(group: u32, c: u32) -> u32 {
  return select(group * params.width + c / params.k, 0u, search.step == 0u);
}

fn beam_node(group: u32, c: u32) -> u32 {
  if (search.step == 0u) { return 0u; }
  return 1u + (search.step - 1u) * params.groups * params.width + beam_row(group, c);
}

fn candidate_of(group: u32, c: u32) -> Candidate {
  return candidates[beam_row(group, c) * params.k + c % params.k];
}

fn total_score(group: u32, c: u32) -> f32 {
  let candidate = candidate_of(group, c);
  var others = 0.0;
  for (var b = 0u; b < group * params.width; b += 1u) {
    others += f32(taken[b] == candidate.token);
  }
  return (candidate.score - params.diversity * others) + tree.score[beam_node(group, c)];
}

// Whether candidate a stands before b in its group.
fn precedes(group: u32, a: u32, b: u32, key: u32) -> bool {
  let other = order_key(total_score(group, a));
  if (other != key) { return other > key; }
  if (a / params.k != b / params.k) { return a < b; }
  return candidate_of(group, a).token < candidate_of(group, b).token;
}

fn write_node(beam: u32, parent: u32, token: u32, score: f32) {
  let node = first_new + beam;
  taken[beam] = token;
  tree.token[node] = select(token, 0u, token == NO_ID);
  tree.parent[node] = parent;
  tree.depth[node] = search.step + 1u;
  tree.score[node] = score;
  tree.origin[node] = node;
}

fn finish(group: u32, score: f32, node: u32, token: u32) {
  let first = group * params.width;
  let count = search.finished_count[group];
  var at = count;
  while (at > 0u && search.finished[first + at - 1u].score < score) { at -= 1u; }
  if (at >= params.width) { return; }
  let last = min(count, params.width - 1u);
  for (var i = last; i > at; i -= 1u) { search.finished[first + i] = search.finished[first + i - 1u]; }
  search.finished[first + at] = FinishedBeam(score, node, token, search.step + 1u);
  search.finished_count[group] = last + 1u;
}

// Takes a group's best candidates in order; true when nothing better can come.
fn take(group: u32, count: u32) -> bool {
  let length = search.step + 1u;
  var running = 0u;
  var ended = 0u;
  var best = key_number(NEGATIVE_INFINITY_KEY);
  for (var i = 0u; i < count; i += 1u) {
    let c = kept[i];
    let score = total_score(group, c);
    if (order_key(score) <= NEGATIVE_INFINITY_KEY) { ended += 1u; continue; }
    let token = candidate_of(group, c).token;
    if (length >= search.max_tokens || ends_text(token)) {
      ended += 1u;
      if (i < params.width) { finish(group, score / divisors[length], beam_node(group, c), token); }
    } else if (running < params.width) {
      if (running == 0u) { best = score; }
      write_node(group * params.width + running, beam_node(group, c), token, score);
      running += 1u;
    }
  }
  for (; running < params.width; running += 1u) {
    let nothing = key_number(NEGATIVE_INFINITY_KEY);
    write_node(group * params.width + running, beam_node(group, 0u), NO_ID, nothing);
  }
  if (ended == count) { return true; }
  if (search.finished_count[group] < params.width) { return false; }
  if (params.stopping == STOP_WHEN_FULL) { return true; }
  let longest = params.stopping == STOP_NEVER && params.penalty_sign == 1u;
  let reach = best / divisors[select(length, search.max_tokens, longest)];
  return reach <= search.finished[group * params.width + params.width - 1u].score;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  let beams = params.groups * params.width;
  let is_over = search.done == 1u;
  if (lane == 0u) { first_new = 1u + search.step * beams; }
  let count = select(params.width, 1u, search.step == 0u) * params.k;
  for (var group = 0u; group < params.groups; group += 1u) {
    workgroupBarrier();
    for (var c = lane; c < count; c += WORKGROUP_SIZE) {
      let key = order_key(total_score(group, c));
      var place = 0u;
      for (var other = 0u; other < count; other += 1u) {
        place += u32(other != c && precedes(group, other, c, key));
      }
      if (place < params.keep) { kept[place] = c; }
    }
    workgroupBarrier();
    if (lane == 0u && !is_over) {
      // A group that is done gives no beams any more.
      let of_group = select(min(count, params.keep), 0u, search.group_done[group] == 1u);
      if (take(group, of_group)) { search.group_done[group] = 1u; }
    }
  }
  storageBarrier();
  workgroupBarrier();
  let depth = search.step + 1u;
  for (var i = lane; i < select(beams * (depth + 1u), 0u, is_over); i += WORKGROUP_SIZE) {
    let node = first_new + i / (depth + 1u);
    let d = i % (depth + 1u);
    if (d == depth) {
      tree.ancestor[node][d] = node;
    } else {
      tree.ancestor[node][d] = tree.ancestor[tree.parent[node]][d];
    }
  }
  workgroupBarrier();
  if (lane == 0u && !is_over) {
    search.step = depth;
    var is_done = true;
    for (var group = 0u; group < params.groups; group += 1u) {
      is_done = is_done && search.group_done[group] == 1u;
    }
    search.done = u32(is_done);
  }
}
