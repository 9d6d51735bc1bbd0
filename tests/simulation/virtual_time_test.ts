import { assertEquals } from "@std/assert";
import { VirtualTime } from "./virtual_time.ts";

Deno.test("VirtualTime.run() lets promises continue between events", async () => {
  const time = new VirtualTime();
  const log: string[] = [];
  time.at(1, async () => {
    // Longer than any chain of promises in the server.
    for (let count = 0; count < 1000; count++) await Promise.resolve();
    log.push("the promises of the first event");
  }, true);
  time.at(1, () => log.push("the second event"), true);
  await time.run();
  assertEquals(log, ["the promises of the first event", "the second event"]);
});

Deno.test("VirtualTime.run() reports a rejection before the next event", async () => {
  const time = new VirtualTime();
  const log: string[] = [];
  const onUnhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    log.push(`unhandled: ${event.reason}`);
  };
  globalThis.addEventListener("unhandledrejection", onUnhandled);
  let promise = Promise.resolve();
  time.at(1, () => promise = Promise.reject("late"), true);
  time.at(2, () => void promise.catch(() => log.push("handled")), true);
  time.at(3, () => void Promise.reject("in time").catch(() => {}), true);
  await time.run();
  globalThis.removeEventListener("unhandledrejection", onUnhandled);
  assertEquals(log, ["unhandled: late", "handled"]);
});

Deno.test("VirtualTime.run() rejects with the error of an event", async () => {
  const time = new VirtualTime();
  const error = new Error("It failed");
  time.at(1, () => {
    throw error;
  }, true);
  assertEquals(await time.run().catch((reason) => reason), error);
});
