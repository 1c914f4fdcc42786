// The packed package in fresh apps - Vite, webpack, no bundler - each in a real browser, away from the server's root.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { createServer } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../../scripts/lib/browser.mjs";
import { ROOT } from "../../scripts/lib/files.mjs";
import { type Mounts, serveStatic, staticHandler } from "../../scripts/lib/static.mjs";
import { BASE, buildVite, buildWebpack, codeBlock, runTool, unpackApps } from "./consumers.ts";

const TALES = join(ROOT, "models/tales");
const MODELS: Mounts = { [`${BASE}models/tales/`]: TALES };
const COUNT = 8;
const golden = (
  JSON.parse(readFileSync(join(TALES, "golden/greedy.json"), "utf8")) as {
    target: { prompt: string; ids: number[]; text: string }[];
  }
).target.find(({ prompt }) => prompt === "Once upon a time there was a")!;

let apps: string;
let browser: Browser;
beforeAll(async () => {
  apps = unpackApps();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  rmSync(apps, { recursive: true });
});

/** Opens a page, and gives what `read` finds on it as soon as that is not empty. */
async function seen(url: string, read: (page: Page) => Promise<string>): Promise<string> {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  try {
    await page.goto(url);
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const text = await read(page);
      if (text !== "") return text;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`nothing was written: ${problems.join("; ")}`);
  } finally {
    await page.close();
  }
}

const output = (url: string): Promise<string> =>
  seen(url, (page) => page.evaluate(() => document.querySelector("output")?.value ?? ""));

/** `written`: the text and its tokens as JSON, or an error's words. */
function expectGolden(written: string): void {
  expect(written).toMatch(/^{"text":/);
  const { text, tokens } = JSON.parse(written) as { text: string; tokens: number[] };
  expect(tokens).toEqual(golden.ids.slice(0, COUNT));
  expect(text).not.toBe("");
  expect(golden.text.startsWith(text), text).toBe(true);
}

/** Serves the pages while `body` runs; `headers` go with every file, the worker's included. */
async function served<T>(
  mounts: Mounts,
  headers: Record<string, string>,
  body: (origin: string) => Promise<T>,
): Promise<T> {
  const server = await serveStatic({ ...MODELS, ...mounts }, headers);
  try {
    return await body(server.origin);
  } finally {
    await server.close();
  }
}

test("the apps' types are right by the packed declarations alone", () => {
  writeFileSync(join(apps, "plain/sample.ts"), codeBlock("README.md", "ts"));
  runTool(apps, "node_modules/typescript/bin/tsc", "-p", ".");
});

test("webpack, without a configuration", async () => {
  buildWebpack(apps);
  const bundle = readFileSync(join(apps, "webpack/dist/main.js"), "utf8");
  expect(bundle, "no path of the machine that built it").not.toContain("file:");
  await served({ [`${BASE}webpack/`]: join(apps, "webpack") }, {}, async (origin) => {
    expectGolden(await output(`${origin}${BASE}webpack/index.html`));
    expectGolden(await output(`${origin}${BASE}webpack/index.html#wasm`));
  });
});

test("Vite's development server, without a configuration", async () => {
  const server = await createServer({
    root: join(apps, "vite"),
    base: `${BASE}vite/`,
    configFile: false,
    logLevel: "error",
    server: { host: "127.0.0.1", port: 0 },
    plugins: [
      {
        name: "models",
        configureServer: ({ middlewares }) => void middlewares.use(staticHandler(MODELS)),
      },
    ],
  });
  try {
    await server.listen();
    expectGolden(await output(server.resolvedUrls!.local[0]!));
    expectGolden(await output(`${server.resolvedUrls!.local[0]!}#wasm`));
  } finally {
    await server.close();
  }
});

test("no bundler: the README's sample, as it stands there", async () => {
  const sample = codeBlock("README.md", "ts");
  expect(sample.trim().split("\n").length).toBeLessThan(10);
  writeFileSync(join(apps, "plain/sample.js"), sample);
  const mounts = { [`${BASE}plain/`]: join(apps, "plain"), "/models/tales/": TALES };
  let logged = "";
  const text = await served(mounts, {}, (origin) =>
    seen(`${origin}${BASE}plain/index.html`, async (page) => {
      page.on("console", (message) => (logged = message.text()));
      return logged === "" ? "" : page.evaluate(() => document.body.innerText);
    }),
  );
  expect(text.length).toBeGreaterThan(20);
  expect(golden.text.startsWith(` ${text.trim()}`), text).toBe(true);
  expect(Number(logged), "tokens per pass").toBeGreaterThan(1);
});

test("no bundler, in a worker of the page's own", async () => {
  await served({ [`${BASE}plain/`]: join(apps, "plain") }, {}, async (origin) => {
    expectGolden(await output(`${origin}${BASE}plain/worker.html`));
  });
});

describe("Vite, built and served under a policy", () => {
  const policy = codeBlock("docs/embedding.md", "http")
    .trim()
    .replace(/^[^:]+: /, "");
  const trusted = `${policy}; require-trusted-types-for 'script'`;
  beforeAll(() => {
    buildVite(apps);
    const folder = join(apps, "vite/dist");
    const page = readFileSync(join(folder, "index.html"), "utf8");
    writeFileSync(join(folder, "trusted-types.js"), codeBlock("docs/embedding.md", "js"));
    const script = '<script src="./trusted-types.js"></script>';
    writeFileSync(join(folder, "trusted.html"), page.replace("<script", `${script}<script`));
  });

  const written = (policy: string, page = "index.html"): Promise<string> => {
    const headers = { "content-security-policy": policy };
    const mounts = { [`${BASE}vite/`]: join(apps, "vite/dist") };
    return served(mounts, headers, (origin) => output(`${origin}${BASE}vite/${page}`));
  };

  test("the one in docs/embedding.md is enough", async () => {
    expect(policy).not.toMatch(/unsafe/);
    expectGolden(await written(policy));
  });

  test.each([
    ["worker-src", "worker-failed"],
    ["connect-src", "network"],
  ])("without its %s the error is %s", async (directive, code) => {
    const without = policy.replace(`${directive} 'self'`, `${directive} 'none'`);
    expect(without).not.toBe(policy);
    expect(await written(without)).toMatch(new RegExp(`^${code}: `));
  });

  test("the fallback needs 'wasm-unsafe-eval' beside it, as docs/embedding.md says", async () => {
    const allowed = "script-src 'self' 'wasm-unsafe-eval'";
    expect(readFileSync(join(ROOT, "docs/embedding.md"), "utf8")).toContain(allowed);
    expect(await written(policy, "index.html#wasm")).toMatch(/^fallback-failed: /);
    const wider = policy.replace("script-src 'self'", allowed);
    expectGolden(await written(wider, "index.html#wasm"));
  });

  test("Trusted Types: with the policy in docs/embedding.md, and a typed error without", async () => {
    expect(await written(trusted)).toMatch(/^worker-failed: .*TrustedScriptURL/);
    expectGolden(await written(trusted, "trusted.html"));
  });
});
