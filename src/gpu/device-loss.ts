/** A lost device, as an error. */
import { CoppiceError } from "../errors.ts";

export function deviceLost({ reason, message }: GPUDeviceLostInfo): CoppiceError {
  return new CoppiceError(
    "device-lost",
    `The GPU device was lost (${reason}): ${message || "no reason given"}`,
    "Dispose of the engine and load it again.",
  );
}

/** Asked when something has failed: what a lost device rejects may come a moment before its `lost` promise. */
export async function lossOf(device: GPUDevice): Promise<CoppiceError | undefined> {
  const moment = new Promise<undefined>((resolve) => setTimeout(resolve, 50));
  const info = await Promise.race([device.lost, moment]);
  return info && deviceLost(info);
}
