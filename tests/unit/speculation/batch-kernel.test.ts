// The rewriting of kernels for many sequences changes where buffers are read and written, and nothing else.
import { expect, test } from "vitest";
import { defineKernel, type KernelSpec } from "../../../src/gpu/index.ts";
import * as kernels from "../../../src/kernels/index.ts";
import { batchKernel } from "../../support/batch-kernel.ts";

const isSpec = (value: unknown): value is KernelSpec =>
  typeof value === "object" && value !== null && "wgsl" in value;
const specs = Object.values<unknown>(kernels).filter(isSpec);

/** Text from which what the rewriting may add is taken away, by other means than it was put in. */
function plain(text: string): string {
  return text
    .replace(/\/\/.*$/gm, "")
    .replace(/@group\(0\) @binding\(\d+\) var<storage.*?;/g, "")
    .replace(/var<private> copy_\w+: u32;/g, "")
    .replace(/copy_\w+ = [^;]*;/g, "")
    .replace(/@builtin\((num_workgroups|workgroup_id)\) copy_\w+: vec3<u32>,/g, "")
    .replace(/copy_of_\w+ \+ /g, "")
    .replace(/\[copy_index\]/g, "")
    .replace(/[()\s]/g, "");
}

const whole = ({ wgsl, shared = [] }: KernelSpec) => [wgsl, ...shared].join("\n");

// The rest of a forward pass is not needed, and its buffers of weights would have to be named.
test.each(specs.filter(({ buffers }) => !("w" in buffers)))("$name stays what it is", (spec) => {
  const batched = batchKernel(spec);
  expect(plain(whole(batched))).toBe(plain(whole(spec)));
  expect(batched.name).not.toBe(spec.name);
  for (const name of Object.keys(spec.buffers))
    expect(whole(batched)).toMatch(new RegExp(`copy_of_${name} \\+ |\\b${name}\\[copy_index\\]`));
});

const SMALL = defineKernel({
  name: "small",
  wgsl: `struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> control: Control; // a comment
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn twice(x: f32) -> f32 { return x + x; }

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3<u32>) {
  x[group.x + u32(x[group.y])] = twice(f32(control.seed));
}
`,
  buffers: { control: "read", x: "read_write" },
  params: { count: "u32" },
  constants: {},
});

test("indices, members and parameters of a buffer's name", () => {
  const { wgsl } = batchKernel(SMALL);
  expect(wgsl).toContain("var<storage, read> control: array<Control>;");
  expect(wgsl).toContain(
    "x[copy_of_x + (group.x + u32(x[copy_of_x + (group.y)]))] = twice(f32(control[copy_index].seed));",
  );
  expect(wgsl).toContain("fn twice(x: f32) -> f32 { return x + x; }");
  expect(wgsl).toContain("copy_of_x = copy_index * (arrayLength(&x) / copy_grid.z);");
  expect(batchKernel(SMALL, ["control"]).wgsl).toContain("f32(control.seed)");
});

test.each([
  ["f32(control.seed)", "f32(arrayLength(&x))", 'uses "x" as a whole'],
  ["f32(control.seed)", "f32(read(&control))", 'uses "control" as a whole'],
  ["  x[group.x", "  let x = 1.0; x[group.x", 'uses "x" as a whole'],
  ["group.x +", "group.z +", 'more of "group"'],
  ["group.x +", "sum(group) +", 'more of "group"'],
  [
    "(@builtin(workgroup_id)",
    "(@builtin(num_workgroups) n: vec3<u32>, @builtin(workgroup_id)",
    "its grid",
  ],
  ["// a comment", "/* a comment */", "block comment"],
  ["fn twice", "const LENGTH = x;\nfn twice", "stands outside"],
  ["params: Params;", "params: Params; var<private> copy_index: u32;", "of its own"],
  ["var<storage, read> control", "var<storage,read> control", "it declares x, not control, x"],
  ["fn main", "fn other", "no main"],
])("throws at %j turned to %j", (right, wrong, message) => {
  expect(SMALL.wgsl).toContain(right);
  const other = { ...SMALL, wgsl: SMALL.wgsl.replace(right, wrong) };
  expect(() => batchKernel(other)).toThrow(message);
});
