/**
 * A kernel as data (`defineKernel`) and as a compiled pipeline (`Kernels.compile`). This file holds
 * the library's only pipeline creation.
 */
import { CoppiceError } from "../errors.ts";
import { lossOf } from "./device-loss.ts";
import type { BufferScope, BufferSlice } from "./buffers.ts";

export type BufferAccess = "read" | "read_write";
export type ScalarType = "u32" | "i32" | "f32";
/**
 * How a weight matrix is stored: f32; f16 packed two to a word (needs no `shader-f16`); blocks of 32 along K of signed bytes
 * (`q8`) or of nibbles less 8 (`q4`), with an f16 scale each; the same with f32 scales and zero points (`-wide`).
 */
export type WeightType = "f32" | "f16" | "q8" | "q4" | "q8-wide" | "q4-wide";

/** What `shaders/<name>.wgsl` declares, said once more in TypeScript; a parity test compares both. */
export interface KernelSpec {
  readonly name: string;
  /** The shader's text; entry point `main`. */
  readonly wgsl: string;
  /** Texts of `shaders/shared/*.wgsl` that the shader uses. */
  readonly shared?: readonly string[];
  /** Storage buffers in binding order, all in group 0. */
  readonly buffers: Readonly<Record<string, BufferAccess>>;
  /** Fields of `Params`, four-byte scalars in order; bound after the buffers as a uniform. */
  readonly params: Readonly<Record<string, ScalarType>>;
  /** `override` constants with their defaults. */
  readonly constants: Readonly<Record<string, number>>;
  /** Constants that size arrays, so cannot be `override`: prelude `const NAME = ...u;`, with defaults. */
  readonly statics?: Readonly<Record<string, number>>;
  /** Where the shader reads weights: the texts, per type, that read them. */
  readonly weights?: Readonly<Record<WeightType, readonly string[]>>;
}

/** Keeps the literal types of a kernel's names, so that `bind` is checked by name. */
export function defineKernel<const S extends KernelSpec>(spec: S): S {
  return spec;
}

/** Choices made when a kernel is compiled; anything left out takes the spec's default. */
export interface KernelVariant<S extends KernelSpec> {
  readonly statics?: Partial<Record<keyof S["statics"] & string, number>>;
  readonly constants?: Partial<Record<keyof S["constants"] & string, number>>;
  readonly weights?: WeightType;
}

/** The full module text: a prelude without a newline first, so that line numbers are the file's own. */
export function moduleText(spec: KernelSpec, variant: KernelVariant<KernelSpec> = {}): string {
  const statics = { ...spec.statics, ...variant.statics };
  const consts = Object.entries(statics).map(([name, value]) => `const ${name} = ${value}u; `);
  const reader = spec.weights?.[variant.weights ?? "f32"] ?? [];
  return [consts.join("") + spec.wgsl, ...(spec.shared ?? []), ...reader].join("\n");
}

/** A pipeline that the device is working on, or has done. */
export interface Compilation {
  /** Undefined while the device works on it. */
  readonly pipeline: GPUComputePipeline | undefined;
  /** Rejects with `shader-invalid` where the device takes no such shader, with `device-lost` where it is gone. */
  readonly done: Promise<void>;
}

/** A kernel bound to buffers and parameters, to be dispatched any number of times once it is compiled. */
export interface BoundKernel {
  readonly name: string;
  readonly compilation: Compilation;
  readonly bindGroup: GPUBindGroup;
}

/** A kernel that is being compiled. It can be bound and recorded meanwhile; `Recording.ready` waits for it. */
export class Pipeline<S extends KernelSpec> {
  readonly spec: S;
  readonly #device: GPUDevice;
  readonly #layout: GPUBindGroupLayout;
  readonly #compilation: Compilation;

  constructor(device: GPUDevice, spec: S, layout: GPUBindGroupLayout, compilation: Compilation) {
    this.#device = device;
    this.spec = spec;
    this.#layout = layout;
    this.#compilation = compilation;
  }

  /** Binds by name. The parameters are copied to a uniform that `scope` owns. */
  bind(
    scope: BufferScope,
    buffers: { readonly [K in keyof S["buffers"]]: BufferSlice },
    params: { readonly [K in keyof S["params"]]: number },
  ): BoundKernel {
    const entries = Object.keys(this.spec.buffers).map((name, binding) => ({
      binding,
      resource: (buffers as Record<string, BufferSlice>)[name]!,
    }));
    const data = packParams(this.spec, params as Record<string, number>);
    if (data) entries.push({ binding: entries.length, resource: scope.uniform(data) });
    const { name } = this.spec;
    const bindGroup = this.#device.createBindGroup({ label: name, layout: this.#layout, entries });
    return { name, compilation: this.#compilation, bindGroup };
  }
}

function packParams(spec: KernelSpec, params: Record<string, number>): ArrayBuffer | undefined {
  const fields = Object.entries(spec.params);
  if (fields.length === 0) return undefined;
  const view = new DataView(new ArrayBuffer(Math.ceil(fields.length / 4) * 16));
  fields.forEach(([name, type], i) => {
    const value = params[name]!;
    if (type === "f32") view.setFloat32(i * 4, value, true);
    else if (type === "i32") view.setInt32(i * 4, value, true);
    else view.setUint32(i * 4, value, true);
  });
  return view.buffer;
}

/** Compiles kernels on one device, each variant once, and as many at a time as are asked for. */
export class Kernels {
  readonly #device: GPUDevice;
  readonly #cache = new Map<string, Pipeline<KernelSpec>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Begins to compile, and waits for nothing. */
  compile<S extends KernelSpec>(spec: S, variant: KernelVariant<S> = {}): Pipeline<S> {
    const key = JSON.stringify([spec.name, variant.statics, variant.constants, variant.weights]);
    const known = this.#cache.get(key) ?? this.#begin(spec, variant as KernelVariant<KernelSpec>);
    this.#cache.set(key, known);
    return known as Pipeline<S>;
  }

  #begin(spec: KernelSpec, variant: KernelVariant<KernelSpec>): Pipeline<KernelSpec> {
    const device = this.#device;
    // Said here and not left to the shader, so that buffers can be bound before it is compiled.
    const layout = device.createBindGroupLayout({ label: spec.name, entries: layoutOf(spec) });
    const code = moduleText(spec, variant);
    const module = device.createShaderModule({ label: spec.name, code });
    const making = device.createComputePipelineAsync({
      label: spec.name,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: {
        module,
        entryPoint: "main",
        constants: { ...spec.constants, ...variant.constants } as Record<string, number>,
      },
    });
    const compilation: { pipeline: GPUComputePipeline | undefined; done: Promise<void> } = {
      pipeline: undefined,
      done: making.then(
        (pipeline) => void (compilation.pipeline = pipeline),
        async (cause: unknown) => {
          throw (await lossOf(device)) ?? shaderError(spec.name, await faultsOf(module), cause);
        },
      ),
    };
    // Whoever dispatches it hears of a fault; where nobody does, it is none.
    compilation.done.catch(() => undefined);
    return new Pipeline(device, spec, layout, compilation);
  }
}

function layoutOf(spec: KernelSpec): GPUBindGroupLayoutEntry[] {
  const types: GPUBufferBindingType[] = Object.values(spec.buffers).map((access) =>
    access === "read" ? "read-only-storage" : "storage",
  );
  if (Object.keys(spec.params).length > 0) types.push("uniform");
  return types.map((type, binding) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type },
  }));
}

async function faultsOf(module: GPUShaderModule): Promise<GPUCompilationMessage[]> {
  const { messages } = await module.getCompilationInfo();
  return messages.filter(({ type }) => type === "error");
}

function shaderError(
  name: string,
  faults: readonly GPUCompilationMessage[],
  cause: unknown,
): CoppiceError {
  const lines = faults.map((m) => `${name}.wgsl:${m.lineNum}:${m.linePos} ${m.message}`);
  const whole = `${name}.wgsl: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new CoppiceError(
    "shader-invalid",
    lines.length > 0 ? lines.join("\n") : whole,
    "Report this with the browser's version and the adapter's name.",
    { cause },
  );
}
