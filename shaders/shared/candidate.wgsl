// A token the draft proposes at one of its rows.

struct Candidate {
  token: u32,
  score: f32, // the draft's log-probability, nats
}
