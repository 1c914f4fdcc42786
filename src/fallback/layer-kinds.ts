/** What layers have in common: a graph takes one mask per window and one table of angles per way to rotate. */
import type { ModelConfig } from "../model/config.ts";

/** The windows that some layer looks back by. */
export function distinctWindows({ layerAttention }: ModelConfig): (number | undefined)[] {
  return [...new Set(layerAttention.map(({ window }) => window))];
}

/** The rotations of the layers, as JSON. */
export function distinctAngles({ layerAttention }: ModelConfig): string[] {
  return [...new Set(layerAttention.map(({ rope }) => JSON.stringify(rope)))];
}
