import { assertEquals } from "@std/assert";
import type { SendEvent } from "../client/events.ts";
import { pause } from "../tests/sockets.ts";
import { SilenceWatch } from "./silence.ts";

const SENT: SendEvent = { type: "sent", byteLength: 1 };
const WROTE: SendEvent = { type: "wrote", byteLength: 1 };
const READ: SendEvent = { type: "read", byteLength: 1 };
const CLOSED: SendEvent = { type: "closed" };

Deno.test("SilenceWatch calls back once, after the message was sent", async () => {
  const called = Promise.withResolvers<void>();
  let calls = 0;
  const watch = new SilenceWatch(1, () => {
    calls++;
    called.resolve();
  });
  watch.event(WROTE);
  await pause(20);
  assertEquals(calls, 0);
  watch.event(SENT);
  await called.promise;
  watch.event(READ);
  watch.event(SENT);
  await pause(20);
  assertEquals(calls, 1);
  watch.stop();
});

Deno.test.each([
  { name: "a close", events: [SENT, CLOSED] },
  { name: "another message that is not complete", events: [SENT, WROTE] },
])("SilenceWatch does not call back after $name", async ({ events }) => {
  let calls = 0;
  const watch = new SilenceWatch(1, () => calls++);
  for (const event of events) watch.event(event);
  await pause(20);
  assertEquals(calls, 0);
});

Deno.test("SilenceWatch of 0 ms never calls back", async () => {
  let calls = 0;
  new SilenceWatch(0, () => calls++).event(SENT);
  await pause(20);
  assertEquals(calls, 0);
});
