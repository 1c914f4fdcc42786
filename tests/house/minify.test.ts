// Shaders are shipped without comments and indentation, and must mean the same.
import { expect, test } from "vitest";
import { minifyWgsl } from "../../scripts/minify-wgsl.mjs";

test("comments, indentation and empty lines go; lines stay lines", () => {
  const wgsl = `// y = 2x
/* two
   lines */ @group(0) @binding(0) var<storage, read_write> y : array<f32>; // [n]

fn twice( a : f32 ) -> f32 {
  return a * 2.0;  // exact
}`;
  expect(minifyWgsl(wgsl)).toBe(
    `@group(0)@binding(0)var<storage,read_write> y:array<f32>;
fn twice(a:f32)-> f32{
return a * 2.0;
}`,
  );
});

test("no two marks are joined into another", () => {
  expect(minifyWgsl("var x: vec2<f32> = y; let a = b - -c; let d = e & &f;")).toBe(
    "var x:vec2<f32> = y;let a = b - -c;let d = e & &f;",
  );
});
