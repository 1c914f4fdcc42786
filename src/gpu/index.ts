export * from "./buffers.ts";
export * from "./counting-scope.ts";
export * from "./device.ts";
export * from "./gpu.ts";
export * from "./kernel.ts";
export type { PhaseTimes } from "./phase-timer.ts";
export * from "./recording.ts";
export { measureRoundTrip } from "./round-trip.ts";
