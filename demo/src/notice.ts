/** The note in the sheet that says what went wrong and what to do about it. */
import { CoppiceError } from "coppice";
import { byId, make } from "./dom.ts";

const notice = byId("notice", HTMLDivElement);

export function clearNotice(): void {
  notice.hidden = true;
  notice.replaceChildren();
}

/** Shows any thrown value. `retry` is offered as a button where it could help. */
export function showError(
  value: unknown,
  retry?: { readonly label: string; readonly run: () => void },
): void {
  const error = CoppiceError.from(value);
  const parts: Node[] = [
    make("p", { className: "notice-message" }, error.message),
    make("p", { className: "notice-fix" }, error.fix),
    make("p", { className: "notice-code" }, make("code", {}, error.code)),
  ];
  if (retry) {
    const button = make("button", { type: "button", textContent: retry.label });
    button.addEventListener("click", retry.run);
    parts.push(button);
  }
  show("error", parts);
}

/** Warnings add up; each is shown once. */
export function showWarning(message: string): void {
  const isWarning = !notice.hidden && notice.dataset["kind"] === "warning";
  const before = isWarning ? [...notice.children] : [];
  if (before.some(({ textContent }) => textContent === message)) return;
  show("warning", [...before, make("p", { className: "notice-message" }, message)]);
}

function show(kind: "error" | "warning", parts: readonly Node[]): void {
  notice.dataset["kind"] = kind;
  notice.replaceChildren(...parts);
  notice.hidden = false;
  notice.scrollIntoView({ block: "nearest" });
}
