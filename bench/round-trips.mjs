// What a round trip to the GPU costs, and what rounds per readback save: `node bench/round-trips.mjs`.
//
//   --tokens N        tokens per request (64)
//   --repetitions N   requests per setting (7)
//   --pair NAME       stories (the fixtures' 260K model, if they are there) or tales (the embedded pair)
//   --browser NAME    chromium or firefox; default: both
//   --write           writes bench/results/round-trips.{json,md}
//
// Every setting runs once per repetition, in an order that rotates, so that what disturbs one disturbs all. Both
// browsers are given a software adapter: the ratios belong to one run on one machine, and none of it is a speed.
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { launchChromium } from "../scripts/lib/browser.mjs";
import { ensureBuilt } from "../scripts/lib/build.mjs";
import { command, runMain } from "../scripts/lib/command.mjs";
import { existsSync, ROOT } from "../scripts/lib/files.mjs";
import { closeFirefox, firefoxDriver, launchFirefox } from "../scripts/lib/firefox.mjs";
import { serveReporting } from "../scripts/lib/reporting-server.mjs";
import { markdown, summarise } from "./round-trips/report.mjs";

const beside = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/** 0: as the library chooses. */
const ROUNDS_PER_READBACK = [1, 2, 4, 8, 16, 0];
const DECODERS = {
  greedy: { kind: "greedy" },
  "speculative, chain of 3": { kind: "speculative", tree: { kind: "chain", length: 3 } },
};

const STORIES = join(ROOT, "../shared/fixtures/models/stories260K-hf");
const PAIRS = {
  stories: {
    name: "stories260K, drafted by its own first four layers",
    folder: STORIES,
    prompt: "",
    load: { target: "/models/", draft: { model: "/models/", layers: 4 } },
  },
  tales: {
    name: "the embedded pair",
    folder: join(ROOT, "models/tales"),
    prompt: "Once upon a time",
    load: { target: "/models/target/", draft: "/models/draft/" },
  },
};

/**
 * A browser with one page; `version` names it.
 * @typedef {{ version: string, adapter: string, open: (url: string) => Promise<unknown>, close: () => Promise<void> }} Opened
 */

/** @type {Record<string, () => Promise<Opened>>} */
const BROWSERS = {
  async chromium() {
    const browser = await launchChromium({ adapter: "swiftshader" });
    const page = await browser.newPage();
    return {
      version: `Chromium ${browser.version()}`,
      adapter: "SwiftShader",
      open: (url) => page.goto(url),
      close: () => browser.close(),
    };
  },
  async firefox() {
    const browser = await launchFirefox();
    const page = await browser.newPage();
    return {
      version: (await browser.version()).replace("firefox/", "Firefox "),
      adapter: firefoxDriver() ? "lavapipe" : "the machine's own",
      open: (url) => page.goto(url),
      close: () => closeFirefox(browser),
    };
  },
};

/** @param {string} name @param {typeof PAIRS.stories} pair @param {object} job */
async function measure(name, pair, job) {
  const start = BROWSERS[name];
  if (!start) throw new Error(`--browser ${name}: chromium or firefox`);
  const server = await serveReporting({
    "/": beside("round-trips/page.html"),
    "/page.mjs": beside("round-trips/page.mjs"),
    "/dist/": join(ROOT, "dist"),
    "/models/": pair.folder,
  });
  /** @type {Opened | undefined} */
  let browser;
  try {
    browser = await start();
    const { version, adapter } = browser;
    console.error(`${version} on ${adapter} ...`);
    const report = server.report("done");
    await browser.open(`${server.origin}/#${encodeURIComponent(JSON.stringify(job))}`);
    const { error, ...measured } = await report;
    if (error) throw new Error(`${version}: ${error}`);
    return { browser: version, adapter, ...measured };
  } finally {
    await browser?.close();
    await server.close();
  }
}

const OPTIONS = /** @type {const} */ ({
  tokens: { type: "string", default: "64" },
  repetitions: { type: "string", default: "7" },
  pair: { type: "string", default: existsSync(STORIES) ? "stories" : "tales" },
  browser: { type: "string", multiple: true, default: Object.keys(BROWSERS) },
  write: { type: "boolean", default: false },
});

await runMain(async () => {
  const { values } = parseArgs({ options: OPTIONS });
  const pair = Object.entries(PAIRS).find(([name]) => name === values.pair)?.[1];
  if (!pair) throw new Error(`--pair ${values.pair}: stories or tales`);
  ensureBuilt();
  const job = {
    load: pair.load,
    prompt: pair.prompt,
    tokens: Number(values.tokens),
    repetitions: Number(values.repetitions),
    roundsPerReadback: ROUNDS_PER_READBACK,
    decoders: DECODERS,
  };
  const load = loadavg()[0]?.toFixed(1);
  const browsers = [];
  for (const name of values.browser) browsers.push(summarise(await measure(name, pair, job)));
  const revision = command("git", ["rev-parse", "--short", "HEAD"]).output.trim();
  const date = new Date().toISOString().slice(0, 10);
  const { tokens, repetitions } = job;
  const results = { date, revision, load, pair: pair.name, tokens, repetitions, browsers };
  const text = markdown(results);
  console.log(text);
  if (!values.write) return;
  const folder = beside("results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "round-trips.json"), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(folder, "round-trips.md"), text);
  command("npx", ["oxfmt", "bench/results/round-trips.json", "bench/results/round-trips.md"]);
});
