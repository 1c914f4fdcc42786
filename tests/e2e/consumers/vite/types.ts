// Checked against the declarations in the package, never run.
import type { GenerateOptions } from "coppice";

export const right: GenerateOptions = { decoder: { kind: "momentum" }, maxNewTokens: 8 };

// @ts-expect-error There is no such decoder; were the package's types not found, this would pass.
export const wrong: GenerateOptions = { decoder: { kind: "clairvoyant" } };
