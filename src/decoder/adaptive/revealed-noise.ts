/** How far ahead of the text the noise of positions is known to what was decided. */
import type { RoundOutcome } from "../../tree/rounds.ts";

/**
 * A coupled tree is ranked with the noise of positions that the text has not reached, so where its round ends, and all
 * that is learned from it, depends on that noise. As long as every token is drawn with the noise of its position this does
 * not matter: the text is a function of the noise, whatever the rounds. But a rejecting rule that took over right there
 * would give its own draws just where the noise had turned out one way, and leave the noise in force where it had turned out
 * the other: the law of the next token would be neither. So a rejecting round has to wait until the text is past all noise
 * that any tree has seen. Its own draws are of other noise, so that the way back is free.
 */
export class RevealedNoise {
  #positions = 0;

  /** Positions beyond the text whose noise a coupled tree has seen. */
  get positions(): number {
    return this.#positions;
  }

  /** A round was run, whose tree was coupled (or none) or rejected. */
  ran({ tokens, draftPasses }: Pick<RoundOutcome, "tokens" | "draftPasses">, coupled: boolean) {
    // Level d of a tree is drawn with the noise of d positions after its root, kept in the tree or not.
    const seen = coupled ? draftPasses : 0;
    this.#positions = Math.max(0, Math.max(this.#positions, seen) - tokens.length);
  }
}
