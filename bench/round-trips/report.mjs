// From single requests to a table.

/** @typedef {import("./page.mjs").Sample} Sample */

/**
 * One setting over all repetitions: medians, and ratios of pairs of the same repetition.
 * @typedef {object} Row
 * @property {string} decoder
 * @property {number} roundsPerReadback
 * @property {number} tokensPerSecond
 * @property {number} rounds
 * @property {number} readbacks
 * @property {number} ratio of tokens per second to those with one round per readback
 * @property {readonly [number, number]} ratioRange the lowest and the highest of a repetition
 * @property {number[]} milliseconds of every repetition
 */

/**
 * @typedef {object} Summary
 * @property {string} browser
 * @property {string} adapter
 * @property {object} facts what the browser says of the adapter
 * @property {number} roundTrip milliseconds of a submission without work and its readback
 * @property {number} nudgedRoundTrip the same, with empty submissions while it waits
 * @property {number} perReadback milliseconds per readback of greedy decoding
 * @property {boolean} sameText
 * @property {Row[]} rows
 */

/** @param {readonly number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** @param {number} value @param {number} digits */
const rounded = (value, digits) => Number(value.toPrecision(digits));

/**
 * @param {{ browser: string, adapter: string, facts: object, roundTrip: number, nudgedRoundTrip: number, samples: Sample[] }} measured
 * @returns {Summary}
 */
export function summarise({ samples, roundTrip, nudgedRoundTrip, ...named }) {
  const decoders = [...new Set(samples.map(({ decoder }) => decoder))];
  const rows = decoders.flatMap((decoder) => {
    const own = samples.filter((sample) => sample.decoder === decoder);
    const counts = new Set(own.map((sample) => sample.roundsPerReadback));
    return [...counts].map((count) => row(own, count));
  });
  const perReadback = costOfReadback(samples.filter(({ decoder }) => decoder === "greedy"));
  const sameText = new Set(samples.map(({ text }) => text)).size === 1;
  return {
    ...named,
    roundTrip: rounded(roundTrip, 3),
    nudgedRoundTrip: rounded(nudgedRoundTrip, 3),
    perReadback,
    sameText,
    rows,
  };
}

/** @param {Sample[]} samples of one decoder @param {number} count rounds per readback @returns {Row} */
function row(samples, count) {
  const inOrder = samples.toSorted((a, b) => a.repetition - b.repetition);
  const base = inOrder.filter(({ roundsPerReadback }) => roundsPerReadback === 1);
  const own = inOrder.filter(({ roundsPerReadback }) => roundsPerReadback === count);
  const ratios = own.map(
    (sample, i) => sample.tokensPerSecond / (base[i]?.tokensPerSecond ?? Number.NaN),
  );
  return {
    decoder: own[0]?.decoder ?? "",
    roundsPerReadback: count,
    tokensPerSecond: rounded(median(own.map((sample) => sample.tokensPerSecond)), 3),
    rounds: median(own.map(({ rounds }) => rounds)),
    readbacks: median(own.map(({ readbacks }) => readbacks)),
    ratio: rounded(median(ratios), 3),
    ratioRange: [rounded(Math.min(...ratios), 3), rounded(Math.max(...ratios), 3)],
    milliseconds: own.map(({ milliseconds }) => rounded(milliseconds, 4)),
  };
}

const mean = (/** @type {number[]} */ numbers) =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/**
 * The slope of time over readbacks, per repetition, and the median of those. Greedy decoding runs the same rounds whatever
 * their number per readback; a tree may run some past the end.
 * @param {Sample[]} samples of greedy decoding
 */
function costOfReadback(samples) {
  const slopes = [...new Set(samples.map(({ repetition }) => repetition))].map((repetition) => {
    const own = samples.filter((sample) => sample.repetition === repetition);
    const x = mean(own.map(({ readbacks }) => readbacks));
    const y = mean(own.map(({ milliseconds }) => milliseconds));
    const covariance = mean(own.map((s) => (s.readbacks - x) * (s.milliseconds - y)));
    return covariance / mean(own.map((s) => (s.readbacks - x) ** 2));
  });
  return rounded(median(slopes), 3);
}

/**
 * @param {{ date: string, revision: string, load: string | undefined, pair: string, tokens: number, repetitions: number, browsers: Summary[] }} results
 */
export function markdown({ date, revision, load, pair, tokens, repetitions, browsers }) {
  const tables = browsers.map(({ browser, adapter, rows, ...times }) =>
    [
      `## ${browser}, ${adapter}`,
      "",
      `A submission without work and its readback: ${times.roundTrip} ms; ${times.nudgedRoundTrip} ms with an empty`,
      "submission every millisecond while it waits. A readback of greedy decoding, by the slope of time over readbacks:",
      `${times.perReadback} ms. ${times.sameText ? "Every request gave the same text." : "The texts differ!"}`,
      "",
      "| decoder | rounds per readback | tokens/s | rounds | readbacks | ratio to 1 | lowest - highest |",
      "| --- | --- | --- | --- | --- | --- | --- |",
      ...rows.map((r) => {
        const range = `${r.ratioRange[0]} - ${r.ratioRange[1]}`;
        const count = r.roundsPerReadback || "default";
        const cells = [r.decoder, count, r.tokensPerSecond, r.rounds, r.readbacks];
        return `| ${[...cells, r.ratio, range].join(" | ")} |`;
      }),
    ].join("\n"),
  );
  return `# Rounds per readback

\`node bench/round-trips.mjs\`, ${date}, revision ${revision}: ${pair}, ${tokens} tokens, ${repetitions} requests per setting,
interleaved; medians. Load of the machine at the start: ${load}.

Software adapters on a shared machine: **a ratio within one run, not a speed**. Where "default" has as many readbacks as 1, the
two are the same work, and its ratio shows how much of the other ratios is noise.

${tables.join("\n\n")}
`;
}
