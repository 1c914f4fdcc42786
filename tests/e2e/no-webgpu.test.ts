// Browsers that cannot: where WebGPU alone will do, a typed error that says what to do, instead of silence.
import { expect, test } from "vitest";
import { tinyModel } from "../support/tiny-model.ts";
import { TestBrowser, until } from "./browser.ts";

const folders = { tiny: tinyModel({ layers: 1 }).files };

test.each([
  [
    "on a page that is not secure, so without WebGPU",
    { host: "insecure.test", args: ["--host-resolver-rules=MAP insecure.test 127.0.0.1"] },
    "navigator.gpu is missing",
  ],
  [
    "whose WebGPU has no adapter",
    { args: ["--disable-gpu", "--disable-software-rasterizer"] },
    "no adapter",
  ],
])("a browser %s", async (_, options, words) => {
  const browser = await TestBrowser.open({ folders, ...options });
  try {
    const { error } = await browser.load("a", { target: "/models/tiny/", device: "webgpu" });
    expect(error).toMatchObject({ code: "adapter-missing", isCoppiceError: true });
    expect(error!.message).toContain(words);
    expect(error!.fix.length).toBeGreaterThan(10);
    await until(() => browser.page.workers().length === 0);
  } finally {
    await browser.close();
  }
});
