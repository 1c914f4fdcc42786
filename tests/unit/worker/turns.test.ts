// One at a time, in order, and out of the line when aborted.
import { expect, test } from "vitest";
import { Turns } from "../../../src/worker/turns.ts";

const never = new AbortController().signal;

test("turns come in order, each after the one before has ended", async () => {
  const turns = new Turns();
  const log: string[] = [];
  const work = async (name: string): Promise<void> => {
    const end = await turns.take(never);
    log.push(`${name} begins`);
    await Promise.resolve();
    log.push(`${name} ends`);
    end();
  };
  await Promise.all([work("a"), work("b"), work("c")]);
  expect(log).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("an abort takes one out of the line; the others keep their places", async () => {
  const turns = new Turns();
  const end = await turns.take(never);
  const controller = new AbortController();
  const second = turns.take(controller.signal);
  const third = turns.take(never);
  controller.abort();
  await expect(second).rejects.toMatchObject({ code: "aborted" });
  end();
  (await third)();
  await turns.idle();
});

test("an abort during a turn leaves it to its holder to end it", async () => {
  const turns = new Turns();
  const controller = new AbortController();
  const end = await turns.take(controller.signal);
  controller.abort();
  let next = false;
  const second = turns.take(never).then(() => (next = true));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(next).toBe(false);
  end();
  end();
  await second;
});

test("who is aborted already does not get in line", async () => {
  await expect(new Turns().take(AbortSignal.abort())).rejects.toMatchObject({ code: "aborted" });
});
