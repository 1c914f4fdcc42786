/** The worker's half of a request's port: pushes parts up, and ends when the page says so or goes away. */
import { aborted, CoppiceError } from "../errors.ts";
import type { DraftsPart, StreamPart } from "../stream-part.ts";
import { STOP, type StreamMessage } from "./protocol.ts";

/** Fires when the page asks to stop, or closes the port (where the browser tells; Chromium and Firefox do). */
export function stopSignal(port: MessagePort): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => controller.abort(aborted());
  port.addEventListener("message", ({ data }) => {
    if (data === STOP) stop();
  });
  port.addEventListener("close", stop);
  port.start();
  return controller.signal;
}

/** Sends every part that `parts` yields, in order, then ends. Never throws: errors go to the page. */
export async function pump(
  port: MessagePort,
  parts: AsyncIterable<StreamPart | DraftsPart>,
): Promise<void> {
  const send = (message: StreamMessage): void => port.postMessage(message);
  try {
    for await (const part of parts) send({ part });
  } catch (error) {
    send({ error: CoppiceError.from(error).toWire() });
  }
  // The page closes the port when it has read the last message: closing here could overtake it.
}
