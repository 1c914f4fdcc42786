// The browser's half: runs the job in the address, and posts what it measured.
import { loadEngine } from "coppice";

/**
 * One request.
 * @typedef {object} Sample
 * @property {string} decoder
 * @property {number} roundsPerReadback 0: as the library chooses
 * @property {number} repetition
 * @property {number} tokensPerSecond after the first round
 * @property {number} milliseconds from the end of the first round to the end of the last
 * @property {number} rounds
 * @property {number} readbacks
 * @property {string} text
 */

const COUNT = 25;

/**
 * Milliseconds of a submission that copies four bytes, and of reading them back: the median. `nudge` submits nothing every
 * millisecond in between: Firefox looks for finished work at a submission, and otherwise every 100 ms
 * (https://bugzilla.mozilla.org/show_bug.cgi?id=1870699).
 */
async function emptyRoundTrip({ nudge }) {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter.requestDevice();
  const size = 4;
  const from = device.createBuffer({ size, usage: GPUBufferUsage.COPY_SRC });
  const to = device.createBuffer({
    size,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  const times = [];
  for (let i = 0; i < COUNT; i++) {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(from, 0, to, 0, size);
    device.queue.submit([encoder.finish()]);
    const timer = nudge ? setInterval(() => device.queue.submit([]), 1) : undefined;
    await to.mapAsync(GPUMapMode.READ);
    clearInterval(timer);
    to.unmap();
    times.push(performance.now() - start);
  }
  device.destroy();
  return times.sort((a, b) => a - b)[COUNT >> 1];
}

async function run({ load, prompt, tokens, repetitions, roundsPerReadback, decoders }) {
  const roundTrip = await emptyRoundTrip({ nudge: false });
  const nudgedRoundTrip = await emptyRoundTrip({ nudge: true });
  const engine = await loadEngine(load);
  const settings = Object.keys(decoders).flatMap((decoder) =>
    roundsPerReadback.map((rounds) => ({ decoder, roundsPerReadback: rounds })),
  );
  /** @type {Sample[]} */
  const samples = [];
  // Repetition -1 is not counted: it compiles what the others find ready.
  for (let repetition = -1; repetition < repetitions; repetition++) {
    for (let i = 0; i < settings.length; i++) {
      const setting = settings[(i + Math.max(0, repetition)) % settings.length];
      const { text, metrics } = await engine.generate(prompt, {
        decoder: decoders[setting.decoder],
        ...(setting.roundsPerReadback > 0 && { roundsPerReadback: setting.roundsPerReadback }),
        maxNewTokens: tokens,
      }).result;
      const { tokensPerSecond, decodeTime: milliseconds, rounds, readbacks } = metrics;
      const measured = { tokensPerSecond, milliseconds, rounds, readbacks, text };
      if (repetition >= 0) samples.push({ ...setting, repetition, ...measured });
    }
  }
  const { adapter } = engine.facts;
  await engine.dispose();
  return { roundTrip, nudgedRoundTrip, facts: adapter, samples };
}

const job = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const outcome = await run(job).catch((error) => ({ error: String(error?.message ?? error) }));
await fetch("/report/done", { method: "POST", body: JSON.stringify(outcome) });
