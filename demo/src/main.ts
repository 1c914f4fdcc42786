/** The playground: puts the parts together and holds what they share, the engine. */
import {
  CoppiceError,
  loadEngine,
  type Decoder,
  type Engine,
  type FinishReason,
  type GenerateResult,
} from "coppice";
import { DecoderPanel } from "./decoder-panel.ts";
import { byId } from "./dom.ts";
import { Figures } from "./figures.ts";
import { Legend } from "./legend.ts";
import { EMBEDDED_PAIR, ModelsDialog, type Pair } from "./models-dialog.ts";
import { clearNotice, showError, showWarning } from "./notice.ts";
import { showLoading, showReady, showUnloaded } from "./pair.ts";
import { setPhase, type Phase } from "./phase.ts";
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

const ENDINGS: Readonly<Record<FinishReason, string>> = {
  length: "Paused at the length you asked for.",
  "end-of-text": "The end.",
  stop: "Stopped where you asked it to.",
};

const composer = byId("composer", HTMLFormElement);
const prompt = byId("prompt", HTMLTextAreaElement);
const maxNewTokens = byId("max-new-tokens", HTMLInputElement);
const status = byId("story-status", HTMLParagraphElement);
const storyBox = byId("story", HTMLDivElement);
const raceView = byId("race-view", HTMLDivElement);

const timings = byId("timings", HTMLInputElement);
const seed = new Seed();
const decoders: DecoderPanel = new DecoderPanel((draws) => seed.enable(draws));
const legend = new Legend();
const figures = new Figures();
const surprise = new SurprisePlot();
const suggestions = new Suggestions(prompt, showError);
const story = new Story(storyBox, (round) => trees.show(round));
const trees = new TreePanel((round) => story.mark(round));

let engine: Engine | undefined;
let pair: Pair = EMBEDDED_PAIR;
let current: AbortController | undefined;

function enter(phase: Phase): void {
  setPhase(phase, {
    canContinue: story.hasRounds && !storyBox.hidden,
    canRace: engine?.facts.draft !== undefined,
  });
}

async function load(next: Pair): Promise<void> {
  pair = next;
  current?.abort();
  const controller = (current = new AbortController());
  clearNotice();
  enter("loading");
  const onProgress = showLoading();
  try {
    // First away with the old one: both pairs might not fit on the GPU.
    suggestions.use(undefined);
    await engine?.dispose();
    engine = undefined;
    engine = await loadEngine({ ...next, onProgress, signal: controller.signal });
    suggestions.use(engine);
    showReady(engine.facts);
    limitLength(engine.facts.contextLength);
    figures.showAdapter(engine.facts.adapter);
    decoders.setHasDraft(engine.facts.draft !== undefined);
    enter("ready");
  } catch (error) {
    if (controller !== current) return;
    const isAborted = CoppiceError.from(error).code === "aborted";
    showUnloaded(isAborted ? "Loading was cancelled." : "See the note below.");
    if (!isAborted) showError(error, { label: "Try again", run: () => void load(pair) });
    enter("empty");
  }
}

/** No more tokens can be asked for than the model can hold. */
function limitLength(contextLength: number): void {
  maxNewTokens.max = String(contextLength);
  if (maxNewTokens.valueAsNumber > contextLength) maxNewTokens.value = maxNewTokens.max;
}

/** Runs one piece of writing with everything around it: buttons, status, errors. */
async function work(
  run: (engine: Engine, request: WritingRequest) => Promise<FinishReason>,
): Promise<void> {
  if (!engine || !composer.reportValidity()) return;
  const controller = (current = new AbortController());
  suggestions.stop();
  clearNotice();
  enter("writing");
  trees.setLive(true);
  story.mark(undefined);
  status.textContent = "Reading the opening line";
  try {
    const finishReason = await run(engine, {
      prompt: prompt.value,
      decoder: decoders.decoder(),
      ...decoders.pace(),
      seed: seed.value,
      timings: timings.checked,
      maxNewTokens: maxNewTokens.valueAsNumber,
      signal: controller.signal,
    });
    status.textContent = ENDINGS[finishReason];
  } catch (error) {
    const { code } = CoppiceError.from(error);
    status.textContent = code === "aborted" ? "Stopped." : "\u00a0";
    if (code !== "aborted") showError(error, helpFor(code));
  }
  trees.setLive(false);
  enter("ready");
}

/** A lost device takes the models with it; anything else leaves them as they are. */
function helpFor(code: CoppiceError["code"]) {
  if (code !== "device-lost" && code !== "engine-disposed") return undefined;
  return { label: "Load the models again", run: () => void load(pair) };
}

/** What a finished piece of writing came to. */
function conclude({ metrics, finishReason }: GenerateResult): FinishReason {
  figures.show(metrics);
  return finishReason;
}

function begin(opening: string, isRace: boolean): void {
  storyBox.hidden = isRace;
  raceView.hidden = !isRace;
  story.begin(opening);
  trees.clear();
  legend.clear();
  figures.clear();
  surprise.begin(aimOf(decoders.decoder()));
}

/** The surprise that the decoder aims at, in bits, if any. */
function aimOf(decoder: Decoder): number | undefined {
  return decoder.kind === "mirostat" ? decoder.tau : undefined;
}

function take(round: Round): void {
  status.textContent = "Writing";
  legend.add(round);
  figures.show(round.metrics);
  surprise.add(round.tokens);
  trees.add(round);
}

function generate(isContinued: boolean): Promise<void> {
  return work(async (ready, request) => {
    if (!isContinued) begin(request.prompt, false);
    const onRound = (round: Round) => {
      story.append(round);
      take(round);
    };
    const asked = isContinued ? { ...request, prompt: story.text } : request;
    return conclude(await write(ready, asked, { onRound, onWarning: showWarning }));
  });
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  void generate(false);
});
byId("continue", HTMLButtonElement).addEventListener("click", () => void generate(true));
byId("stop", HTMLButtonElement).addEventListener("click", () => current?.abort());
byId("pair-cancel", HTMLButtonElement).addEventListener("click", () => current?.abort());
byId("race", HTMLButtonElement).addEventListener("click", () => {
  void work(async (ready, request) => {
    begin(request.prompt, true);
    return conclude(await race(ready, request, { onRound: take, onWarning: showWarning }));
  });
});
addEventListener("keydown", (event) => {
  const isWriting = document.documentElement.dataset["phase"] === "writing";
  if (event.key === "Escape" && isWriting) current?.abort();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target === prompt)
    composer.requestSubmit();
});

const models = new ModelsDialog((next) => void load(next));
byId("pair-change", HTMLButtonElement).addEventListener("click", () => models.open());
prompt.value = OPENING;
void load(EMBEDDED_PAIR);
