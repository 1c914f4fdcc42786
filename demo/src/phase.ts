/** What the page is doing. Style sheets read it from the root element; buttons follow it here. */
import { byId } from "./dom.ts";

/** `empty`: no engine, because loading failed or was cancelled. */
export type Phase = "loading" | "empty" | "ready" | "writing";

const generate = byId("generate", HTMLButtonElement);
const stop = byId("stop", HTMLButtonElement);
const others = ["continue", "race"].map((id) => byId(id, HTMLButtonElement));
const change = byId("pair-change", HTMLButtonElement);
const cancel = byId("pair-cancel", HTMLButtonElement);

export function phase(): Phase {
  return document.documentElement.dataset["phase"] as Phase;
}

/** `options` says which of the buttons make sense at this moment. */
export function setPhase(
  phase: Phase,
  options: { readonly canContinue: boolean; readonly canRace: boolean },
): void {
  document.documentElement.dataset["phase"] = phase;
  const writing = phase === "writing";
  // Generate and Stop share one place, and the focus stays in it.
  const moveFocus = document.activeElement === (writing ? generate : stop);
  generate.hidden = writing;
  stop.hidden = !writing;
  if (moveFocus) (writing ? stop : generate).focus();
  generate.disabled = phase !== "ready";
  for (const button of others) button.disabled = phase !== "ready";
  if (!options.canContinue) byId("continue", HTMLButtonElement).disabled = true;
  if (!options.canRace) byId("race", HTMLButtonElement).disabled = true;
  change.disabled = writing;
  change.hidden = phase === "loading";
  cancel.hidden = phase !== "loading";
}
