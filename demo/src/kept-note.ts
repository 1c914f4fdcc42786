/** What downloads take up on this device, and a button that frees it. Nothing is shown where nothing is kept. */
import { cachedModels, clearCache } from "coppice";
import { byId, make } from "./dom.ts";
import { formatBytes } from "./format.ts";

const note = byId("models-kept", HTMLParagraphElement);

/** Looks again; quietly, since no more than room is at stake. */
export async function showKept(): Promise<void> {
  note.hidden = true;
  try {
    const models = await cachedModels();
    if (models.length === 0) return;
    const bytes = models.reduce((sum, model) => sum + model.bytes, 0);
    const free = make("button", { type: "button", textContent: "Free the space" });
    free.addEventListener("click", () => {
      free.disabled = true;
      void clearCache().then(showKept, showKept);
    });
    const names = models.map(({ label }) => label).join(", ");
    note.replaceChildren(`Kept on this device: ${formatBytes(bytes)} (${names}). `, free);
    note.hidden = false;
  } catch {
    // The page works without it.
  }
}
