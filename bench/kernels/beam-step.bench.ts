import type { Gpu } from "../../src/gpu/index.ts";
import {
  BEAM_TREE,
  beamStep,
  beamStepGrid,
  CANDIDATE_BYTES,
  encodeBeamSearch,
  encodeControl,
  STOPPING,
  treeBytes,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";

const variants = (
  [
    [1, 1],
    [1, 4],
    [1, 10],
    [5, 2],
  ] as const
).map(([groups, width]) => ({
  name: `${groups} x ${width} beams`,
  bytes: groups * width * 2 * width * CANDIDATE_BYTES,
  prepare(gpu: Gpu) {
    const k = (2 + groups - 1) * width;
    const beams = groups * width;
    // Every row holds -1, -2, ...: the rows compete.
    const scores = Float32Array.from({ length: 2 * beams * k }, (_, i) => -1 - ((i >> 1) % k));
    const search = encodeBeamSearch(BEAM_TREE.LEVELS - 1);
    const buffers = {
      control: gpu.buffers.upload("control", encodeControl({}, [3])),
      candidates: gpu.buffers.upload("candidates", scores),
      divisors: gpu.buffers.upload("divisors", new Float32Array(BEAM_TREE.LEVELS).fill(1)),
      tree: gpu.buffers.storage("tree", treeBytes(BEAM_TREE)),
      search: gpu.buffers.upload("search", search),
    };
    const params = {
      groups,
      width,
      k,
      keep: 2 * width,
      stopping: STOPPING.heuristic,
      penalty_sign: 1,
      diversity: groups > 1 ? 0.5 : 0,
    };
    const restore = () => gpu.buffers.write(buffers.search, 0, search);
    const pipeline = gpu.kernels.compile(beamStep);
    return Promise.resolve([
      pipeline.bind(gpu.buffers, buffers, params),
      beamStepGrid(),
      restore,
    ] as const);
  },
}));

benchKernel("beam-step", variants);
