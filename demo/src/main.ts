/** The playground: puts the parts together and holds what they share, the engine. */
import {
  CoppiceError,
  type Decoder,
  type DraftsDecoder,
  type Engine,
  type FinishReason,
  type GenerateResult,
} from "coppice";
import { givesDrafts } from "./decoder-choices.ts";
import { DecoderPanel, type PanelState } from "./decoder-panel.ts";
import { byId } from "./dom.ts";
import { DraftDesk } from "./draft-desk.ts";
import { Figures } from "./figures.ts";
import { Legend } from "./legend.ts";
import { Loader } from "./loader.ts";
import { ModelsDialog } from "./models-dialog.ts";
import { clearNotice, showError, showWarning } from "./notice.ts";
import { phase, setPhase, type Phase } from "./phase.ts";
import { race } from "./race.ts";
import type { Round } from "./rounds.ts";
import { Seed } from "./seed.ts";
import { Story } from "./story.ts";
import { Suggestions } from "./suggestions.ts";
import { SurprisePlot } from "./surprise-plot.ts";
import { TreePanel } from "./tree-panel.ts";
import { write, type WritingRequest } from "./writing.ts";

const OPENING =
  "Once upon a time there was a poor woodcutter, and one day, as he was cutting down an old tree, he heard a voice, which said";

/** Tokens of one writing. */
const LONGEST = 4096;
/** Alternatives of every word that are shown. */
const ALTERNATIVES = 5;

const ENDINGS: Readonly<Record<FinishReason, string>> = {
  length: "Paused at the length you asked for.",
  "end-of-text": "The end.",
  stop: "Stopped where you asked it to.",
};

const DRAFTS_ENDINGS: typeof ENDINGS = {
  ...ENDINGS,
  length: "Go on from the draft you like best.",
};

const composer = byId("composer", HTMLFormElement);
const prompt = byId("prompt", HTMLTextAreaElement);
const maxNewTokens = byId("max-new-tokens", HTMLInputElement);
const status = byId("story-status", HTMLParagraphElement);
const storyBox = byId("story", HTMLDivElement);
const raceView = byId("race-view", HTMLDivElement);

const timings = byId("timings", HTMLInputElement);
const probabilities = byId("probabilities", HTMLInputElement);
const seed = new Seed();
const legend = new Legend();
const figures = new Figures();
const surprise = new SurprisePlot();
const suggestions = new Suggestions(prompt, showError);
const story = new Story(storyBox, (round) => trees.show(round), branch);
const trees = new TreePanel((round) => story.mark(round));
const drafts = new DraftDesk({
  story,
  trees,
  figures,
  onWarning: showWarning,
  onPick: () => void work(async (_, signal) => DRAFTS_ENDINGS[await drafts.goOn(signal)]),
});

let current: AbortController | undefined;
const loader = new Loader({ onPhase: enter, onEngine: use });
const decoders = new DecoderPanel(adapt);

/** The rest of the form follows the decoder. */
function adapt(state: PanelState): void {
  seed.enable(state.draws);
  maxNewTokens.disabled = state.drafts;
  limitLength(state.slides);
  probabilities.disabled = !state.hasProbabilities;
  refresh(state);
}

/** No more tokens can be asked for than the model holds, unless it may forget. */
function limitLength(slides: boolean): void {
  const most = slides ? undefined : loader.engine?.facts.contextLength;
  maxNewTokens.max = String(most ?? LONGEST);
  if (most !== undefined && maxNewTokens.valueAsNumber > most) maxNewTokens.value = String(most);
}

/** Which buttons make sense at this moment. */
function refresh(state: PanelState): void {
  setPhase(phase(), {
    canContinue: story.hasGrown && !storyBox.hidden,
    canRace: loader.engine?.facts.draft !== undefined && state.canRace,
  });
}

function enter(next: Phase): void {
  document.documentElement.dataset["phase"] = next;
  refresh(decoders.state);
}

/** An engine has come, or gone. */
function use(engine: Engine | undefined): void {
  suggestions.use(engine);
  if (!engine) return;
  figures.showAdapter(engine.facts.adapter);
  decoders.setHasDraft(engine.facts.draft !== undefined);
}

/** Runs one piece of writing with everything around it: buttons, status, errors. `run` gives the closing words. */
async function work(run: (engine: Engine, signal: AbortSignal) => Promise<string>): Promise<void> {
  const { engine } = loader;
  if (!engine || !composer.reportValidity()) return;
  const controller = (current = new AbortController());
  suggestions.stop();
  clearNotice();
  enter("writing");
  trees.setLive(true);
  story.mark(undefined);
  status.textContent = "Reading the opening line";
  try {
    status.textContent = await run(engine, controller.signal);
  } catch (error) {
    const { code } = CoppiceError.from(error);
    status.textContent = code === "aborted" ? "Stopped." : "\u00a0";
    if (code !== "aborted") showError(error, helpFor(code));
  }
  trees.setLive(false);
  enter("ready");
}

/** One text, as the form asks for it. Its decoder gives no drafts. */
function requestOf(opening: string, signal: AbortSignal): WritingRequest {
  const decoder = decoders.decoder() as Decoder;
  const length = maxNewTokens.valueAsNumber;
  return {
    prompt: opening,
    decoder,
    ...decoders.options(length),
    ...(probabilities.checked && !probabilities.disabled && { logProbabilities: ALTERNATIVES }),
    seed: seed.value,
    timings: timings.checked,
    maxNewTokens: length,
    signal,
  };
}

/** A lost device takes the models with it; anything else leaves them as they are. */
function helpFor(code: CoppiceError["code"]) {
  if (code !== "device-lost" && code !== "engine-disposed") return undefined;
  return { label: "Load the models again", run: () => void loader.load() };
}

/** What a finished piece of writing came to. */
function conclude({ metrics, finishReason }: GenerateResult): string {
  figures.show(metrics);
  return ENDINGS[finishReason];
}

/** A clean page with the opening line. */
function begin(isRace: boolean): void {
  storyBox.hidden = isRace;
  raceView.hidden = !isRace;
  story.begin(prompt.value);
  legend.clear();
}

/** Forgets what was seen of the writing before. */
function forget(): void {
  drafts.hide();
  story.detach();
  trees.clear();
  figures.clear();
  surprise.begin(aimOf(decoders.decoder()));
}

/** The surprise that words are drawn for, in bits, if any. */
function aimOf(decoder: Decoder | DraftsDecoder): number | undefined {
  const linear = decoder.kind === "speculative" ? decoder.sampling : decoder;
  return linear && "kind" in linear && linear.kind === "mirostat" ? linear.tau : undefined;
}

/** Another word in the place of one: the story is cut there, and goes on from it. */
function branch(token: Element, text: string): void {
  if (phase() !== "ready") return;
  story.branch(token, text);
  legend.clear();
  forget();
  void generate(true);
}

function take(round: Round): void {
  status.textContent = "Writing";
  legend.add(round);
  figures.show(round.metrics);
  surprise.add(round.tokens);
  trees.add(round);
}

function generate(isContinued: boolean): Promise<void> {
  return work(async (ready, signal) => {
    if (!isContinued) begin(false);
    const decoder = decoders.decoder();
    legend.use(!givesDrafts(decoder));
    // A story that goes on keeps its rounds, unless they are of another kind.
    if (!isContinued || givesDrafts(decoder) || drafts.isShown) forget();
    if (givesDrafts(decoder)) {
      const { draws } = decoders.state;
      const options = { decoder, ...decoders.draftsOptions(), ...(draws && { seed: seed.value }) };
      return DRAFTS_ENDINGS[await drafts.write(ready, options, signal)];
    }
    const onRound = (round: Round) => {
      story.append(round);
      take(round);
    };
    const request = requestOf(story.text, signal);
    return conclude(await write(ready, request, { onRound, onWarning: showWarning }));
  });
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  void generate(false);
});
byId("continue", HTMLButtonElement).addEventListener("click", () => void generate(true));
byId("stop", HTMLButtonElement).addEventListener("click", () => current?.abort());
byId("pair-cancel", HTMLButtonElement).addEventListener("click", () => loader.cancel());
byId("race", HTMLButtonElement).addEventListener("click", () => {
  void work(async (ready, signal) => {
    begin(true);
    legend.use(true);
    forget();
    const request = requestOf(prompt.value, signal);
    return conclude(await race(ready, request, { onRound: take, onWarning: showWarning }));
  });
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && phase() === "writing") current?.abort();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target === prompt)
    composer.requestSubmit();
});

const models = new ModelsDialog((pair) => void loader.load(pair));
byId("pair-change", HTMLButtonElement).addEventListener("click", () => models.open());
prompt.value = OPENING;
void loader.load();
