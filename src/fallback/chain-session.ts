/** A sequence on ORT: plain rounds, or a chain of draft tokens per round; the rest of a round is done here, on rows of logits. */
import { CoppiceError, throwIfAborted } from "../errors.ts";
import type { ResolvedMirostat, ResolvedMomentum, ResolvedStages } from "../options.ts";
import type {
  NextOptions,
  RoundCounts,
  RoundOutcome,
  RoundSession,
  SequenceStart,
  TokenLogProb,
  TreeRecord,
} from "../tree/rounds.ts";
import { checkStart } from "../tree/start-check.ts";
import { type CachedModel, prefill, turn } from "./cached-model.ts";
import { type Drawn, drawToken, scoreOf } from "./draw/draw.ts";
import { editRow } from "./draw/edits.ts";
import { drawMirostat, type MirostatDraw } from "./draw/mirostat.ts";
import { momentumToken } from "./draw/momentum.ts";
import { logProbOf, type Row } from "./draw/rows.ts";

/** How tokens are drawn: `ResolvedDecoder` without its tree. */
export interface ChainRules {
  readonly stages: ResolvedStages;
  readonly mirostat?: ResolvedMirostat | undefined;
  readonly momentum?: ResolvedMomentum | undefined;
  readonly edited: boolean;
  readonly logProbabilities: number | undefined;
}

export interface ChainDraft {
  readonly draft: CachedModel;
  /** Tokens drafted per round. */
  readonly length: number;
  /** The only tokens to be drafted; undefined: all. */
  readonly vocabulary?: readonly number[] | undefined;
}

export interface ChainParts {
  readonly target: CachedModel;
  readonly rules: ChainRules;
  readonly speculation?: ChainDraft | undefined;
}

const MAX_ENDS = 64;
const CHECK_NOTHING = (): void => undefined;

export class ChainSession implements RoundSession {
  readonly hasTimestamps = false;
  readonly #parts: ChainParts;
  #start: SequenceStart | undefined;
  /** Prompt and text so far; the last one is not in the cache. */
  #tokens: number[] = [];
  #limit = 0;
  #done = true;
  #mu = 0;
  #runs = { target: 0, draft: 0 };

  constructor(parts: ChainParts) {
    this.#parts = parts;
  }

  get contextLength(): number {
    return this.#parts.target.contextLength;
  }

  /** There is no GPU: what is submitted and read back are ORT's runs. */
  get counts(): RoundCounts {
    const { target, draft } = this.#runs;
    return {
      submits: target + draft,
      readbacks: target + draft,
      targetForwards: target,
      draftForwards: draft,
      dispatchesPerLayer: 0,
      dispatchesPerRound: 0,
      gpuBytes: 0,
    };
  }

  async start(start: SequenceStart): Promise<void> {
    const { prompt, maxNewTokens, mu, sameText = false, signal } = start;
    const { target, rules, speculation } = this.#parts;
    checkStart(start, this.contextLength, rules.edited);
    if (!sameText) this.#runs = { target: 0, draft: 0 };
    this.#start = start;
    this.#tokens = [...prompt];
    this.#limit = Math.min(prompt.length + maxNewTokens, this.contextLength);
    this.#done = false;
    this.#mu = Math.fround(mu ?? rules.mirostat?.mu ?? 0);
    const check = (): void => throwIfAborted(signal);
    const before = prompt.slice(0, -1);
    target.rewind(0);
    this.#runs.target += await prefill(target, before, check);
    speculation?.draft.rewind(0);
    if (speculation) this.#runs.draft += await prefill(speculation.draft, before, check);
  }

  async next(options: NextOptions = {}): Promise<readonly RoundOutcome[]> {
    if (!this.#start) {
      throw new CoppiceError("internal", "next was called before start.", "Call start first.");
    }
    const { plan = 0, rounds = 1, trees = false } = options;
    const outcomes: RoundOutcome[] = [];
    while (outcomes.length < rounds && !this.#done) {
      outcomes.push(await this.#round(plan !== "plain", trees && rounds === 1));
    }
    return outcomes;
  }

  async #round(drafts: boolean, showTree: boolean): Promise<RoundOutcome> {
    const { target, rules, speculation } = this.#parts;
    await turn();
    const committed = this.#tokens.length;
    const drafted = drafts ? await this.#draft() : [];
    const ids = drafted.map(({ id }) => id);
    const rows = await target.run([this.#tokens.at(-1)!, ...ids], 1 + ids.length);
    this.#runs.target += 1;

    const isTold = rules.logProbabilities !== undefined;
    const tree =
      showTree && ids.length > 0
        ? chainTree(this.#tokens.at(-1)!, drafted, isTold ? rows : undefined)
        : undefined;
    const emitted: number[] = [];
    const surprises: MirostatDraw[] = [];
    const logProbs: TokenLogProb[] = [];
    for (const row of rows) {
      const place = emitted.length;
      const said = isTold ? row.slice() : undefined;
      const id = this.#choose(row, surprises);
      if (said) logProbs.push(logProbOf(said, id, rules.logProbabilities!));
      emitted.push(id);
      this.#tokens.push(id);
      if (id !== ids[place]) break;
    }
    const accepted = emitted.length - 1;
    target.rewind(committed + accepted);
    speculation?.draft.rewind(committed + accepted);
    const { endTokens } = this.#start!;
    this.#done = this.#tokens.length >= this.#limit || emitted.some((id) => endTokens.includes(id));
    return {
      tokens: emitted,
      accepted,
      leaf: accepted === ids.length,
      nodes: 1 + ids.length,
      depth: ids.length,
      draftPasses: ids.length,
      // In a chain every ancestor is surer, and nothing stands beside.
      steps: ids.slice(0, accepted).map((_, i) => ({ rank: 0, place: i + 1, placeInLevel: 0 })),
      sureness: emitted.map((_, i) => (drafted[i] ? Math.exp(drafted[i].score) : 0)),
      ...(rules.mirostat && { surprises }),
      ...(isTold && { logProbs }),
      ...(tree && { tree, path: Array.from({ length: accepted + 1 }, (_, i) => i) }),
    };
  }

  /** The target's token after all tokens so far, from its row of logits, which is edited in place. */
  #choose(row: Row, surprises: MirostatDraw[]): number {
    const { stages, mirostat, momentum } = this.#parts.rules;
    const { seed } = this.#start!;
    this.#edit(row, this.#tokens);
    const position = this.#tokens.length;
    if (momentum) return momentumToken(row, this.#tokens, momentum);
    if (!mirostat) return drawToken(row, stages, seed, position).id;
    const { temperature } = stages;
    const drawn = drawMirostat(row, this.#mu, mirostat, { temperature, seed, position });
    this.#mu = drawn.mu;
    surprises.push(drawn);
    return drawn.id;
  }

  /** As many tokens as a round drafts, by the same edits, stages and noise; none that there is no room for. */
  async #draft(): Promise<Drawn[]> {
    const { speculation, rules } = this.#parts;
    if (!speculation) return [];
    const { draft, vocabulary } = speculation;
    const text = [...this.#tokens];
    const drafted: Drawn[] = [];
    // A round gives one token more than it drafts.
    const length = Math.min(speculation.length, this.#limit - text.length - 1);
    while (drafted.length < length) {
      // More than the last token where rounds went by without it.
      this.#runs.draft += await prefill(draft, text.slice(draft.length, -1), CHECK_NOTHING);
      const [row] = await draft.run(text.slice(draft.length), 1);
      this.#runs.draft += 1;
      if (vocabulary) keepOnly(row!, vocabulary);
      this.#edit(row!, text);
      const { stages, momentum } = rules;
      const one = momentum
        ? scoreOf(row!, momentumToken(row!, text, momentum))
        : drawToken(row!, stages, this.#start!.seed, text.length);
      drafted.push(one);
      text.push(one.id);
    }
    return drafted;
  }

  #edit(row: Row, tokens: readonly number[]): void {
    const { edits, prompt, written = 0, endTokens } = this.#start!;
    if (!edits) return;
    const promptLength = prompt.length - written;
    editRow(row, edits, { tokens, promptLength, endTokens: endTokens.slice(0, MAX_ENDS) });
  }
}

/** `rows` are the target's, not edited yet: present where log-probabilities are asked for. */
function chainTree(
  root: number,
  drafted: readonly Drawn[],
  rows: readonly Row[] | undefined,
): TreeRecord {
  const scores = [0];
  for (const { score } of drafted) scores.push(scores.at(-1)! + score);
  const said = rows && drafted.map(({ id }, i) => logProbOf(rows[i]!, id, 0).logProbability);
  return {
    tokens: [root, ...drafted.map(({ id }) => id)],
    parents: scores.map((_, i) => i - 1),
    depths: scores.map((_, i) => i),
    scores,
    ...(said && { logProbabilities: [0, ...said] }),
  };
}

/** As a trimmed head leaves it. */
function keepOnly(row: Row, tokens: readonly number[]): void {
  const kept = tokens.map((token) => row[token]!);
  row.fill(-Infinity);
  kept.forEach((logit, i) => (row[tokens[i]!] = logit));
}
