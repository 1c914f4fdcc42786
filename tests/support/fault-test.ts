// Tests of tests: a fault planted in a shader must be seen.
import { test } from "vitest";
import { adapterName } from "../setup/gpu.ts";

/** Runs on one software adapter: a tolerance that sees a fault there sees it on the other, which compiles slowly. */
export const faultTest = test.skipIf(adapterName === "lavapipe");
