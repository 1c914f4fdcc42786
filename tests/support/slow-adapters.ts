// Software adapters compile for up to seconds per pipeline; what tests do about it.
import { test } from "vitest";
import { adapterName } from "../setup/gpu.ts";

/** The time limit of a test that compiles many variants, on a busy machine with nothing cached; in ms. */
export const MANY_VARIANTS = 240_000;

/**
 * A test that a fault planted in a shader is seen. It runs on one software adapter: a tolerance that sees
 * the fault there sees it on the other, which compiles slowly.
 */
export const faultTest = test.skipIf(adapterName === "lavapipe");
