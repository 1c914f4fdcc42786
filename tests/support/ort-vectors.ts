// ONNX Runtime's operator vectors: JSON with comments, and how exactly their numbers are printed.
import { readdirSync, readFileSync } from "node:fs";
import { fixturePath, hasFixture } from "./fixtures.ts";

const FOLDER = "golden/ort-web-ops";

export const hasVectors = hasFixture(FOLDER);

export interface VectorTensor {
  readonly data: readonly number[] | null;
  readonly dims?: readonly number[];
}

export interface Vector {
  /** The file's stem. */
  readonly file: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, number>>;
  readonly inputs: readonly VectorTensor[];
  readonly outputs: readonly VectorTensor[];
}

interface RawTest {
  name: string;
  attributes?: { name: string; data: number }[];
  cases: { name: string; inputs: VectorTensor[]; outputs: VectorTensor[] }[];
}

/** Every case of every file there is. */
export function readVectors(): Vector[] {
  return readdirSync(fixturePath(FOLDER)).flatMap((name) => {
    const text = readFileSync(fixturePath(`${FOLDER}/${name}`), "utf8");
    const json = text.replaceAll(/^\s*\/\/.*$|\s\/\/.*$/gm, "").replaceAll(/,(?=\s*[\]}])/g, "");
    return (JSON.parse(json) as RawTest[]).flatMap((test) =>
      test.cases.map((one) => ({
        file: name.replace(/\.jsonc$/, ""),
        name: `${test.name.trim()}, ${one.name}`,
        attributes: Object.fromEntries(
          test.attributes?.map(({ name, data }) => [name, data]) ?? [],
        ),
        inputs: one.inputs,
        outputs: one.outputs,
      })),
    );
  });
}

/** Half a unit of the last decimal that any of these numbers has: they may have been rounded to it. Whole numbers are exact. */
export function printedError(numbers: readonly number[]): number {
  const decimals = numbers.map((x) => /\.(\d+)/.exec(String(x))?.[1]!.length ?? 0);
  const most = Math.max(...decimals);
  return most === 0 ? 0 : 0.5 * 10 ** -most;
}
