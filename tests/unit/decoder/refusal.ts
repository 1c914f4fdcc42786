// What tests of options share.
import { expect } from "vitest";
import type { CoppiceError } from "../../../src/errors.ts";

/** The error of `body`, which always says what to do. */
export function refusal(body: () => unknown): CoppiceError {
  try {
    body();
  } catch (error) {
    const { message, fix } = error as CoppiceError;
    for (const text of [message, fix]) expect(text).toMatch(/\.$/);
    return error as CoppiceError;
  }
  throw new Error("it was accepted");
}
