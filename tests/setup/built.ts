// End-to-end tests run the built package, so it must be as new as its sources.
import { ensureBuilt } from "../../scripts/lib/build.mjs";

export default function setup(): void {
  ensureBuilt();
}
