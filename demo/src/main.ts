/** The playground: puts the parts together and says what happens when. */
import { CoppiceError, type Engine, type FinishReason, type GenerateResult } from "coppice";
import { byId } from "./dom.ts";
import { DraftDesk } from "./draft-desk.ts";
import { Figures } from "./figures.ts";
import { Form } from "./form.ts";
import { Legend } from "./legend.ts";
import { Loader } from "./loader.ts";
import { ModelsDialog } from "./models-dialog.ts";
import { clearNotice, showError, showWarning } from "./notice.ts";
import { phase, setPhase, type Phase } from "./phase.ts";
import { race } from "./race.ts";
import type { Round } from "./rounds.ts";
import { Story } from "./story.ts";
import { Suggestions } from "./suggestions.ts";
import { SurprisePlot } from "./surprise-plot.ts";
import { TreePanel } from "./tree-panel.ts";
import { write } from "./writing.ts";

const OPENING =
  "Once upon a time there was a poor woodcutter, and one day, as he was cutting down an old tree, he heard a voice, which said";

const ENDINGS: Readonly<Record<FinishReason, string>> = {
  length: "Paused at the length you asked for.",
  "end-of-text": "The end.",
  stop: "Stopped where you asked it to.",
};

const DRAFTS_ENDINGS: typeof ENDINGS = {
  ...ENDINGS,
  length: "Go on from the draft you like best.",
};

const status = byId("story-status", HTMLParagraphElement);
const storyBox = byId("story", HTMLDivElement);
const raceView = byId("race-view", HTMLDivElement);

const legend = new Legend();
const figures = new Figures();
const surprise = new SurprisePlot();
const story = new Story(storyBox, (round) => trees.show(round), {
  replace: (token, { text }) => branch(token, text),
  ban(token, { id, word }) {
    if (phase() !== "ready") return;
    form.ban(id, word);
    branch(token, "");
  },
});
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
const form = new Form(
  () => enter(phase()),
  () => void generate(false),
);
const suggestions = new Suggestions(form.prompt, showError);

function enter(next: Phase): void {
  setPhase(next, {
    canContinue: story.hasGrown && !storyBox.hidden,
    canRace: loader.engine?.facts.draft !== undefined && form.state.canRace,
  });
}

/** An engine has come, or gone. */
function use(engine: Engine | undefined): void {
  suggestions.use(engine);
  if (!engine) return;
  figures.showAdapter(engine.facts.adapter);
  form.use(engine);
}

/** Runs one piece of writing with everything around it: buttons, status, errors. `run` gives the closing words. */
async function work(run: (engine: Engine, signal: AbortSignal) => Promise<string>): Promise<void> {
  const { engine } = loader;
  if (!engine || !form.isValid()) return;
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
  story.begin(form.prompt.value);
  legend.clear();
}

/** Forgets what was seen of the writing before. */
function forget(): void {
  drafts.hide();
  story.detach();
  trees.clear();
  figures.clear();
  surprise.begin(form.tau);
}

function take(round: Round): void {
  status.textContent = "Writing";
  legend.add(round);
  figures.show(round.metrics);
  surprise.add(round.tokens);
  trees.add(round);
}

function generate(isContinued: boolean): Promise<void> {
  return work(async (engine, signal) => {
    if (!isContinued) begin(false);
    const options = form.draftsOptions();
    legend.use(!options);
    // A story that goes on keeps its rounds, unless they are of another kind.
    if (!isContinued || options || drafts.isShown) forget();
    if (options) return DRAFTS_ENDINGS[await drafts.write(engine, options, signal)];
    const onRound = (round: Round) => {
      story.append(round);
      take(round);
    };
    const request = form.request(story.text, signal);
    return conclude(await write(engine, request, { onRound, onWarning: showWarning }));
  });
}

/** Another text in the place of a word: the story is cut there, and goes on from it. */
function branch(token: Element, text: string): void {
  if (phase() !== "ready" || !form.isValid()) return;
  story.branch(token, text);
  legend.clear();
  forget();
  void generate(true);
}

function compete(): Promise<void> {
  return work(async (engine, signal) => {
    begin(true);
    legend.use(true);
    forget();
    const request = form.request(form.prompt.value, signal);
    return conclude(await race(engine, request, { onRound: take, onWarning: showWarning }));
  });
}

function onClick(id: string, listener: () => void): void {
  byId(id, HTMLButtonElement).addEventListener("click", listener);
}

const models = new ModelsDialog((pair) => void loader.load(pair));
onClick("continue", () => void generate(true));
onClick("race", () => void compete());
onClick("stop", () => current?.abort());
onClick("pair-cancel", () => loader.cancel());
onClick("pair-change", () => models.open());
addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && phase() === "writing") current?.abort();
});
form.prompt.value = OPENING;
void loader.load();
