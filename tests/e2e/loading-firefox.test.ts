// Loading from a hub in Firefox, whose file system, locks and redirects are other code than Chromium's.
import { afterAll, beforeAll, expect, test } from "vitest";
import { HubServer } from "../support/hub-server.ts";
import { tinyModel } from "../support/tiny-model.ts";
import { valueOf } from "./browser.ts";
import { FirefoxPage } from "./firefox.ts";

const TOKEN = "hf_VerySecretToken";
const PIECE = 2 * 2 ** 20;
const { files } = tinyModel({ layers: 1, hidden: 64, intermediate: 6400 });
const SIZE = files["model.safetensors"]!.length;

let hub: HubServer;
let firefox: FirefoxPage;
beforeAll(async () => {
  hub = await HubServer.open({ "org/gated": { revisions: { main: files }, gatedFor: TOKEN } });
  firefox = await FirefoxPage.open({});
});
afterAll(() => Promise.all([firefox.close(), hub.close()]));

const load = (name: string) =>
  firefox.load(name, { target: "org/gated", hub: { endpoint: hub.url, token: TOKEN } });
const fetched = () => hub.requests.filter(({ kind }) => kind === "cdn");

test("a download breaks off and goes on; the next load reads the device; the token goes to the hub alone", async () => {
  hub.faults.cuts.push(PIECE + 1000);
  const { facts } = valueOf(await load("a"));
  expect(facts.warnings).toBeUndefined();
  expect(fetched().map(({ range }) => range)).toEqual([undefined, `bytes=${PIECE + 1000}-`]);
  expect(fetched().reduce((sum, { sent }) => sum + sent, 0)).toBe(SIZE);
  const carried = new Map(hub.requests.map(({ kind, authorization }) => [kind, authorization]));
  expect([...carried]).toEqual([
    ["api", `Bearer ${TOKEN}`],
    ["resolve", `Bearer ${TOKEN}`],
    ["cdn", undefined],
  ]);
  hub.take();
  const { progress } = valueOf(await load("b"));
  expect(progress.every(({ fromCache }) => fromCache)).toBe(true);
  expect(hub.take()).toEqual(["api GET /api/models/org/gated/revision/main"]);
});

test("the page sees what is kept, and frees it", async () => {
  const source = `${hub.url}/org/gated`;
  const [kept, freed, left] = await firefox.run(async (one) => {
    const { cachedModels, clearCache } = e2e.coppice;
    return [await cachedModels(), await clearCache(one), await cachedModels()] as const;
  }, source);
  expect(kept).toMatchObject([{ source, label: "org/gated" }]);
  expect(freed).toBeGreaterThan(SIZE);
  expect(left).toEqual([]);
});
