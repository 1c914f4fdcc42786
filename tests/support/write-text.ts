// A text by the loop that pages are served by, on a session of the adapter under test.
import { decode, type DecodeJob } from "../../src/decoder/decode.ts";
import { Meter } from "../../src/decoder/metrics.ts";
import type { GenerateResult, StreamToken } from "../../src/stream-part.ts";
import type { RoundSession } from "../../src/tree/rounds.ts";

const DEFAULTS = {
  endOfText: new Set<number>(),
  stop: [],
  trees: false,
  timings: false,
  roundTrip: 1,
  chooser: undefined,
  warnings: [],
} as const;

type Wanted = Pick<DecodeJob, "prompt" | "seed" | "maxNewTokens" | "roundsPerReadback"> &
  Partial<Pick<DecodeJob, "slide" | "continueFrom" | "edits" | "endOfText" | "chooser">>;

/** Its tokens as they streamed, and what the end says of them. */
export async function writeText(
  session: RoundSession,
  wanted: Wanted,
): Promise<{ tokens: StreamToken[]; result: GenerateResult }> {
  const tokens: StreamToken[] = [];
  const parts = decode(session, {
    ...DEFAULTS,
    ...wanted,
    text: { push: (id) => ` ${id}`, end: () => "" },
    textOf: String,
    meter: new Meter(0, 0.5),
    signal: new AbortController().signal,
  });
  for await (const part of parts) {
    if (part.type === "text-delta") tokens.push(...part.tokens);
    if (part.type === "text-end") return { tokens, result: part.result };
  }
  throw new Error("the stream has no end");
}
