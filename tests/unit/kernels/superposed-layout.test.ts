import { expect, test } from "vitest";
import stepText from "../../../shaders/superpose-step.wgsl?raw";
import sharedText from "../../../shaders/shared/superposed.wgsl?raw";
import * as kernels from "../../../src/kernels/index.ts";

const texts = `${stepText}\n${sharedText}`;

/** A constant of the shaders, by name. */
function constant(name: string): number {
  return Number(new RegExp(`(?:const|override) ${name}(?:: u32)? = (\\d+)u?;`).exec(texts)?.[1]);
}

const sizes: Record<string, number> = {
  MOST_DRAFTS: constant("MOST_DRAFTS"),
  TAIL: constant("TAIL"),
  MOST_CHOSEN: 2 * constant("MOST_DRAFTS"),
};

function words(type: string): number {
  const array = /^array<(.+), (\w+)>$/.exec(type);
  if (array) return words(array[1]!) * sizes[array[2]!]!;
  return type === "Choice" ? 4 : 1;
}

/** A struct's offsets and size by its text; all fields align to four bytes. */
function layoutOf(name: string) {
  const body = new RegExp(`struct ${name} \\{([^}]*)\\}`).exec(texts.replace(/\/\/.*$/gm, ""))![1]!;
  const offsets: Record<string, number> = {};
  let bytes = 0;
  for (const [, field, type] of body.matchAll(/(\w+): ([^\n]+?),\s*\n/g)) {
    offsets[field!] = bytes;
    bytes += 4 * words(type!.trim());
  }
  return { offsets, bytes };
}

test("layouts and sizes equal the shaders' text", () => {
  expect(kernels.DRAFTS).toEqual(layoutOf("Drafts"));
  expect(kernels.CHOICE).toEqual(layoutOf("Choice"));
  expect(kernels.STEP_RECORD).toEqual(layoutOf("StepRecord"));
  const { MOST_DRAFTS, MOST_CANDIDATES, MOST_SECTIONS, TAIL } = kernels;
  for (const [name, value] of Object.entries({
    MOST_DRAFTS,
    MOST_CANDIDATES,
    MOST_SECTIONS,
    TAIL,
  })) {
    expect(constant(name), name).toBe(value);
  }
  expect(kernels.superposeStep.constants.RING_STEPS).toBe(kernels.RING_STEPS);
  expect(kernels.superposeStep.constants.WORKGROUP_SIZE).toBeGreaterThanOrEqual(MOST_CANDIDATES);
});

test("a start has one draft that ends in the prompt's last five tokens", () => {
  const words = kernels.encodeDrafts([1, 2, 3, 4, 5, 6, 7]);
  const { offsets } = kernels.DRAFTS;
  expect([...words.subarray(0, 3)]).toEqual([1, 5, 7]);
  expect([...words.subarray(offsets.tail / 4, offsets.tail / 4 + 6)]).toEqual([3, 4, 5, 6, 7, 0]);
  expect(new Float32Array(words.buffer)[offsets.weight / 4]).toBe(1);
  expect([...kernels.encodeDrafts([9]).subarray(0, 3)]).toEqual([1, 1, 9]);
});

test("a record of another step is no record", () => {
  const { bytes, offsets } = kernels.STEP_RECORD;
  const ring = new Uint32Array((2 * bytes) / 4);
  ring.set([8, 2], bytes / 4);
  const at = (bytes + offsets.choices) / 4;
  ring.set([41, 1, 0, 1, 42, 0, 0, 2], at);
  new Float32Array(ring.buffer).set([-1.5], at + 2);
  expect(kernels.decodeStepRecord(ring.buffer, 1, 7)).toEqual([
    { token: 41, parent: 1, score: -1.5, fate: "live" },
    { token: 42, parent: 0, score: 0, fate: "ended" },
  ]);
  expect(kernels.decodeStepRecord(ring.buffer, 1, 6)).toBeUndefined();
});
