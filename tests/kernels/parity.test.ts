// Shader and binding say the same thing twice; this holds them together. It compares text, so it needs no GPU.
import { expect, test } from "vitest";
import type { KernelSpec } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";

const shaders = import.meta.glob<string>("../../shaders/*.wgsl", {
  query: "?raw",
  import: "default",
  eager: true,
});
const shared = import.meta.glob<string>("../../shaders/shared/*.wgsl", {
  query: "?raw",
  import: "default",
  eager: true,
});
const files = Object.keys(
  import.meta.glob(["../../{src/kernels,bench/kernels}/*.ts", "../{kernels,reference}/*.ts"]),
);

const stemOf = (path: string): string => path.replace(/^.*\//, "").replace(/\..*$/, "");
const stems = Object.keys(shaders).map(stemOf);
const specs = new Map<string, KernelSpec>();
for (const value of Object.values<unknown>(kernels)) {
  if (typeof value === "object" && value !== null && "wgsl" in value)
    specs.set((value as KernelSpec).name, value as KernelSpec);
}

interface Declared {
  /** "read name" in binding order. */
  readonly buffers: string[];
  readonly params: string[];
  readonly constants: string[];
}

/** What a shader's text declares; `shared` may add constants. */
function declared(text: string, shared: readonly string[] = []): Declared {
  const all = (pattern: RegExp, source: string) => [...source.matchAll(pattern)];
  const bindings = all(
    /@group\(0\) @binding\((\d+)\) var<(storage|uniform)(?:, (\w+))?> (\w+)/g,
    text,
  );
  bindings.forEach(([, index], i) => expect(Number(index), "bindings count up").toBe(i));
  const uniforms = bindings.filter(([, , space]) => space === "uniform");
  if (uniforms.length > 0)
    expect([uniforms.length, bindings.at(-1)![4]], "the last binding").toEqual([1, "params"]);
  const body = /struct Params \{([^}]*)\}/.exec(text)?.[1] ?? "";
  return {
    buffers: bindings
      .filter(([, , space]) => space === "storage")
      .map(([, , , access, name]) => `${access} ${name}`),
    params: all(/^ {2}(\w+): (\w+),/gm, body).map(([, name, type]) => `${type} ${name}`),
    constants: all(/^override (\w+): \w+ = ([\d.]+);/gm, [text, ...shared].join("\n")).map(
      ([, name, value]) => `${name} = ${value}`,
    ),
  };
}

/** The same lists from a binding. */
function bound(spec: KernelSpec): Declared {
  const list = <T>(record: Readonly<Record<string, T>>) => Object.entries(record);
  return {
    buffers: list(spec.buffers).map(([name, access]) => `${access} ${name}`),
    params: list(spec.params).map(([name, type]) => `${type} ${name}`),
    constants: list(spec.constants).map(([name, value]) => `${name} = ${value}`),
  };
}

/** Constants in capitals that the texts use but do not declare: they must come from the prelude. */
function undeclared(texts: readonly string[]): string[] {
  const code = texts.join("\n").replace(/\/\/.*$/gm, "");
  const names = (pattern: RegExp) => [...code.matchAll(pattern)].map(([, name]) => name!);
  const known = new Set(names(/(?:const|override) ([A-Z][A-Z\d_]*)\b/g));
  return [...new Set(names(/\b([A-Z][A-Z\d_]+)\b/g))].filter((name) => !known.has(name)).sort();
}

test("every binding has a shader, and every shader a binding", () => {
  expect([...specs.keys()].sort()).toEqual([...stems].sort());
});

test.each(stems)("%s: its five files are there", (stem) => {
  for (const path of [
    `../../src/kernels/${stem}.ts`,
    `../../bench/kernels/${stem}.bench.ts`,
    `../reference/${stem}.ts`,
    // Vite names files beside this one without their folder.
    `./${stem}.test.ts`,
  ]) {
    expect(files).toContain(path);
  }
});

test.each(stems)("%s: binding and shader agree", (stem) => {
  const spec = specs.get(stem)!;
  expect(spec.wgsl).toBe(shaders[`../../shaders/${stem}.wgsl`]);
  expect(bound(spec)).toEqual(declared(spec.wgsl, spec.shared));
  const texts = [spec.wgsl, ...(spec.shared ?? [])];
  expect(spec.weights !== undefined).toBe(/\bload_(columns|chunk)\(/.test(texts.join("\n")));
  const readers: (readonly string[])[] = spec.weights ? Object.values(spec.weights) : [[]];
  for (const reader of readers) {
    expect(Object.keys(spec.statics ?? {}).sort()).toEqual(undeclared([...texts, ...reader]));
    for (const text of [...(spec.shared ?? []), ...reader])
      expect(Object.values(shared)).toContain(text);
  }
});

test.each(stems)("%s: the shader keeps the convention", (stem) => {
  const text = shaders[`../../shaders/${stem}.wgsl`]!;
  const lines = text.split("\n");
  expect(lines[0], "line 1 says what it computes").toMatch(/^\/\/ \S.{20}/);
  expect(text).toMatch(/^\/\/ Grid: /m);
  expect(text).toMatch(/^fn main\(/m);
  expect(text, "no other groups").not.toMatch(/@group\([1-9]/);
  expect(text, "no other entry points").not.toMatch(/@(?:vertex|fragment)/);
  const buffers = lines.filter((line) => line.includes("var<storage"));
  expect(buffers.length, "WebGPU's default limit").toBeLessThanOrEqual(8);
  for (const line of buffers.filter((at) => at.includes("array<")))
    expect(line, "a shape").toMatch(/\/\/ \[.*\]/);
});

test("what differs is seen", () => {
  const spec = specs.get("matmul-add")!;
  const mutated = (from: string, to: string) => {
    expect(spec.wgsl).toContain(from);
    return declared(spec.wgsl.replace(from, to));
  };
  expect(mutated("> x: array", "> input: array")).not.toEqual(bound(spec));
  expect(mutated("read_write> y", "read> y")).not.toEqual(bound(spec));
  expect(mutated("cols: u32", "cols: f32")).not.toEqual(bound(spec));
  expect(mutated("  rows: u32,\n  cols: u32,", "  cols: u32,\n  rows: u32,")).not.toEqual(
    bound(spec),
  );
  expect(mutated("struct Params", "override EXTRA: u32 = 4;\nstruct Params")).not.toEqual(
    bound(spec),
  );
  expect(() => mutated("@binding(1)", "@binding(2)")).toThrow();
  expect(undeclared([`${spec.wgsl} const A = OTHER;`])).toContain("OTHER");
});
