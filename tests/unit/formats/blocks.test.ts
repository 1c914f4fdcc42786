// Blocks of 32 as plain numbers: every nibble and byte, signs, zero points.
import { expect, test } from "vitest";
import { widenBlocks } from "../../../src/model/formats/blocks.ts";

test("Q8: scale times each signed byte, block after block", () => {
  const bytes = new Uint8Array(2 * 36);
  const view = new DataView(bytes.buffer);
  for (const [block, scale] of [0.5, -2].entries()) {
    view.setFloat32(block * 36, scale, true);
    for (let i = 0; i < 32; i++) view.setInt8(block * 36 + 4 + i, i * 8 - 128 + block);
  }
  const expected = [0.5, -2].flatMap((scale, block) =>
    Array.from({ length: 32 }, (_, i) => scale * (i * 8 - 128 + block)),
  );
  expect([...new Float32Array(widenBlocks(bytes, "Q8").buffer)]).toEqual(expected);
});

test("Q4: element 2i is the low half of byte i; the zero point is taken off before the scale", () => {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setFloat32(0, 0.25, true);
  view.setUint32(4, 3, true);
  for (let i = 0; i < 16; i++) bytes[8 + i] = i | ((15 - i) << 4);
  const expected = Array.from({ length: 16 }, (_, i) => [0.25 * (i - 3), 0.25 * (12 - i)]).flat();
  expect([...new Float32Array(widenBlocks(bytes, "Q4").buffer)]).toEqual(expected);
});
