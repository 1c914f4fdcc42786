// Every kernel as WGSL and what a pipeline needs, as plain data: for compilers that are not in this process.
import { type KernelSpec, moduleText, type WeightType } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";

export interface KernelModule {
  readonly label: string;
  readonly code: string;
  readonly constants: Readonly<Record<string, number>>;
}

const isSpec = (value: unknown): value is KernelSpec =>
  typeof value === "object" && value !== null && "wgsl" in value;

/** Each kernel with its defaults, and each type of weights it reads. */
export const kernelModules: readonly KernelModule[] = Object.values<unknown>(kernels)
  .filter(isSpec)
  .flatMap((spec) => {
    const types = spec.weights ? (Object.keys(spec.weights) as WeightType[]) : [undefined];
    return types.map((weights) => ({
      label: weights ? `${spec.name}, ${weights} weights` : spec.name,
      code: moduleText(spec, weights && { weights }),
      constants: spec.constants,
    }));
  });
