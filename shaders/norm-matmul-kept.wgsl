// Logits of a trimmed vocabulary: logits[r, c] = sum_k w[c, k] n[k] for the kept tokens c, and -infinity for all others, with
// n = x[first + r, :] * gain / rms(x[first + r, :]).
// With SOFTCAP c a logit z is c tanh(z / c).
//
// Grid: x = ceil(count / 4 / n), y = n ceil(rows / ROWS), with n = 1 where x takes all columns. As in norm-matmul, to the bit, over the kept rows of w alone; each
// workgroup also writes its share of the other tokens.

override SOFTCAP: f32 = 0;

struct Params {
  rows: u32,
  first: u32, // the row of x that becomes row 0
  count: u32, // of kept tokens
  vocab: u32,
  k4: u32,    // k / 4
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;        // [first + rows, k]
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;     // [k]
@group(0) @binding(2) var<storage, read> w: array<weight_word>;       // [vocab, k]
@group(0) @binding(3) var<storage, read> kept: array<u32>;           // [count] rising ids, then [ceil(vocab / 32)]: a bit per token
@group(0) @binding(4) var<storage, read_write> logits: array<f32>;   // [rows, vocab]
@group(0) @binding(5) var<uniform> params: Params;

fn is_kept(token: u32) -> bool {
  return ((kept[params.count + token / 32u] >> (token % 32u)) & 1u) == 1u;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let groups = column_groups(params.count);
  let tiles = (params.rows + ROWS - 1u) / ROWS;
  let place = group.y / tiles * groups.width + group.x;
  let first_col = place * COLUMNS;
  let first_row = group.y % tiles * ROWS;
  let places = min(first_col + vec4(0u, 1u, 2u, 3u), vec4(params.count - 1u));
  let columns = vec4(kept[places.x], kept[places.y], kept[places.z], kept[places.w]);
  norm_dot(lane, columns, params.first + first_row, params.first + params.rows - 1u);

  for (var output = lane; output < ROWS * COLUMNS; output += WORKGROUP_SIZE) {
    let row = first_row + output / COLUMNS;
    let col = output % COLUMNS;
    if (row < params.rows && first_col + col < params.count) {
      var logit = normed_sum(output / COLUMNS)[col];
      if (SOFTCAP > 0.0) {
        logit = softcap(logit, SOFTCAP);
      }
      logits[row * params.vocab + columns[col]] = logit;
    }
  }

  let shares = groups.layers * groups.width;
  let share = (params.vocab + shares - 1u) / shares;
  let end = min((place + 1u) * share, params.vocab);
  let last_row = min(first_row + ROWS, params.rows);
  for (var token = place * share + lane; token < end; token += WORKGROUP_SIZE) {
    if (is_kept(token)) { continue; }
    for (var row = first_row; row < last_row; row += 1u) {
      logits[row * params.vocab + token] = key_number(NEGATIVE_INFINITY_KEY);
    }
  }
}
