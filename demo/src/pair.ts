/** The line that says which models are loaded, or how far the loading has come. */
import type { EngineFacts, LoadProgress, ModelFacts } from "coppice";
import { byId } from "./dom.ts";
import { formatBytes, formatParameters } from "./format.ts";
import { Transfer } from "./transfer.ts";

const status = byId("pair-status", HTMLParagraphElement);
const detail = byId("pair-detail", HTMLParagraphElement);
const bar = byId("pair-progress", HTMLProgressElement);

/** Shows the bytes as they come; returns what `onProgress` takes. */
export function showLoading(): (progress: LoadProgress) => void {
  const transfer = new Transfer();
  status.textContent = "Loading the models";
  detail.textContent = "\u00a0";
  bar.value = 0;
  return (progress) => {
    const { loadedBytes, totalBytes, bytesPerSecond } = transfer.add(progress, performance.now());
    bar.value = totalBytes > 0 ? loadedBytes / totalBytes : 0;
    const isDone = totalBytes > 0 && loadedBytes >= totalBytes;
    status.textContent = isDone ? "Preparing the GPU" : "Loading the models";
    const rate = bytesPerSecond > 0 ? ` · ${formatBytes(bytesPerSecond)}/s` : "";
    const from = progress.fromCache ? ", kept on this device" : "";
    detail.textContent = `${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}${from}${rate}`;
  };
}

export function showReady({ target, draft }: EngineFacts): void {
  status.textContent = draft
    ? `${nameOf(target)}, with ${nameOf(draft)} to guess ahead`
    : `${nameOf(target)}, without a draft`;
  const sizes = [target, ...(draft ? [draft] : [])].map((model) =>
    formatParameters(model.parameters),
  );
  detail.textContent = `${sizes.join(" + ")} parameters`;
  bar.value = 1;
}

export function showUnloaded(reason: string): void {
  status.textContent = "No model is loaded";
  detail.textContent = reason;
  bar.value = 0;
}

function nameOf({ label }: ModelFacts): string {
  if (label.includes("models/tales/target")) return "Tales";
  if (label.includes("models/tales/draft")) return "a small draft";
  return label;
}
