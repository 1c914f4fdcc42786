// How many rounds are asked for at once: enough to hide a round trip, few enough to keep text flowing.
import { expect, test } from "vitest";
import { Pace } from "../../../src/decoder/pace.ts";

const follow = (roundTrip: number, trees = false) =>
  new Pace({ roundsPerReadback: undefined, roundTrip, trees });

/** Rounds asked for once rounds of `time` ms have been measured, with room for 100 tokens. */
function settled(pace: Pace, time: number, roundTrip: number): number {
  pace.ran(1, 1000);
  for (let i = 0; i < 3; i++) {
    const rounds = pace.rounds(100);
    pace.ran(rounds, roundTrip + rounds * time);
  }
  return pace.rounds(100);
}

test("the first readback is one round's, whatever is asked for", () => {
  expect(follow(80).rounds(100)).toBe(1);
  expect(new Pace({ roundsPerReadback: 8, roundTrip: 1, trees: false }).rounds(100)).toBe(1);
});

test.each([
  ["a slow round trip and fast rounds", 80, 4, 16],
  ["a slow round trip and rounds of its own length", 80, 80, 1],
  ["a fast round trip", 0.5, 20, 1],
  ["a fast round trip and faster rounds", 2, 3, 6],
  ["slow rounds: text must keep coming", 5, 100, 1],
  ["rounds too short to be timed", 3, 0, 16],
])("%s", (_, roundTrip, time, wanted) => {
  expect(settled(follow(roundTrip), time, roundTrip)).toBe(wanted);
});

test("a number that was asked for is kept, but no more rounds than tokens are wanted", () => {
  const pace = new Pace({ roundsPerReadback: 8, roundTrip: 50, trees: false });
  pace.ran(1, 10);
  expect(pace.rounds(100)).toBe(8);
  expect(pace.rounds(3)).toBe(3);
});

test("trees come round by round", () => {
  const pace = follow(80, true);
  expect(settled(pace, 4, 80)).toBe(1);
});
