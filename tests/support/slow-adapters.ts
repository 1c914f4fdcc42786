// Software adapters compile for up to seconds per pipeline; what tests do about it.
import { test } from "vitest";

/** The time limit of a test that compiles many variants, on a busy machine with nothing cached; in ms. */
export const MANY_VARIANTS = 240_000;

/**
 * A test that a fault planted in a shader is seen. It runs on one adapter of those found: a tolerance that sees the fault
 * there sees it on the others, and each fault is a pipeline to compile.
 */
export const faultTest = test.skipIf(process.env["COPPICE_PLANT_FAULTS"] === undefined);

/**
 * Whether a planted fault shows in any of the cases. A few of every kind show most faults, so that the others need not run.
 * @param finds whether it shows in some of them
 */
export async function showsIn<Case>(
  cases: readonly Case[],
  finds: (some: readonly Case[]) => Promise<boolean>,
): Promise<boolean> {
  const turns = Math.min(8, cases.length);
  for (let turn = 0; turn < turns; turn++) {
    if (await finds(cases.filter((_, i) => i % turns === turn))) return true;
  }
  return false;
}
