import { assertEquals, assertThrows } from "@std/assert";
import { systemClock } from "../framing/clock.ts";
import { serve, type ServeOptions } from "../server.ts";
import type { ServerConnection } from "./connection.ts";
import type { Checked } from "./deadline.ts";
import { newLimits } from "./limits.ts";
import { limitOf, resolveOptions } from "./options.ts";
import { Places } from "./places.ts";

Deno.test.each([
  { name: "idleTimeout -1", options: { idleTimeout: -1 } },
  { name: "lingerTimeout NaN", options: { lingerTimeout: NaN } },
  { name: "minRate -1", options: { minRate: -1 } },
  { name: "maxPerAddress NaN", options: { maxPerAddress: NaN } },
  { name: "maxBytes 1.5", options: { maxBytes: 1.5 } },
  {
    name: "maxBufferedBytes too small for maxBytes",
    options: { maxBytes: 2_500_000, maxBufferedBytes: 2 ** 21 },
  },
  {
    name: "maxBufferedBytes too small for the default maxBytes",
    options: { maxBufferedBytes: 64 * 2 ** 20 },
  },
])("serve() throws a RangeError for $name", ({ options }) => {
  assertThrows(() => serve(options), RangeError, "Cannot use");
});

Deno.test.each<{ name: string; options: ServeOptions }>([
  { name: "an empty marker", options: { end: "" } },
  {
    name: "33 markers",
    options: { end: Array.from({ length: 33 }, (_, i) => `m${i}`) },
  },
  {
    name: "a reply marker that is in ERROR:no end!",
    options: { replyEnd: "!" },
  },
  {
    name: "a kept marker that is in ERROR:busy!",
    options: { end: "busy", keepAlive: true },
  },
  { name: "a network that is none", options: { allow: ["10.0.0.1/8"] } },
  { name: "a proxy that is none", options: { proxyFrom: ["localhost"] } },
  {
    name: "proxyFrom with a cert",
    options: { proxyFrom: ["::1"], cert: "a", key: "b" },
  },
  {
    name: "a framing that does not exist",
    options: { framing: "length" as "end" },
  },
])("serve() throws a TypeError for $name", ({ options }) => {
  assertThrows(() => serve(options), TypeError, "Cannot");
});

Deno.test("serve() throws a TypeError for a handler that is not a function", () => {
  const handler = "reply" as unknown as () => string;
  assertThrows(() => serve({ port: 0 }, handler), TypeError, "Cannot serve");
});

Deno.test.each([
  ...["idleTimeout", "messageTimeout", "lingerTimeout", "minRate"] as const,
  ...["grace", "maxConnections", "maxBufferedBytes"] as const,
])(
  "limitOf() takes 0 for a value, and undefined for the default: %s",
  (name) => {
    assertEquals(limitOf({ [name]: 0 }, name), 0);
    assertEquals(limitOf({ [name]: 5 }, name), 5);
    const isDefault = limitOf({ [name]: undefined }, name) > 0;
    assertEquals([limitOf({}, name) > 0, isDefault], [true, true]);
  },
);

/** A server of four places and four slabs, and whether it runs short. */
function shortageOf() {
  const options = {
    maxConnections: 4,
    maxBufferedBytes: 4 * 2 ** 20,
    maxBytes: 1000,
    idleTimeout: 16, // a tick of 1 ms
  };
  let onCheck: ((isShort: boolean) => void) | undefined;
  const checked: Checked = {
    check: (_ticks, isShort) => onCheck?.(isShort),
    dueTick: 0,
  };
  let isEnding = false;
  const limits = newLimits(options);
  const { timer, pool } = resolveOptions(options, () => "", {
    clock: systemClock,
    limits,
    open: new Set([checked as ServerConnection]),
    places: new Places(limits, systemClock),
    isEnding: () => isEnding,
    onCallbackError: () => {},
  });
  timer.start();
  timer.checkAt(0);
  return {
    limits,
    pool,
    endSoon: () => isEnding = true,
    /** What the next tick tells the connections. */
    isShort: () => new Promise<boolean>((resolve) => onCheck = resolve),
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}

Deno.test("resolveOptions() knows when places run short: at three quarters", async () => {
  using server = shortageOf();
  const { connections } = server.limits;
  const isShort: boolean[] = [];
  for (let count = 0; count <= 4; count++) {
    isShort.push(await server.isShort());
    connections.increment();
  }
  assertEquals(isShort, [false, false, false, true, true]);
});

Deno.test("resolveOptions() knows when memory runs short: at three quarters", async () => {
  using server = shortageOf();
  const blocks = [];
  const isShort: boolean[] = [];
  for (let kib = 0; kib < 4096; kib += 256) {
    isShort.push(await server.isShort());
    blocks.push(server.pool.acquire(256 * 1024, 100 * 1024));
  }
  // Of 4 MiB, less than 1 MiB is free after 13 blocks of 256 KiB.
  assertEquals(isShort.indexOf(true), 13);
  for (const block of blocks) server.pool.release(block);
  assertEquals(await server.isShort(), false);
});

Deno.test("resolveOptions() counts as short after the grace", async () => {
  using server = shortageOf();
  assertEquals(await server.isShort(), false);
  server.endSoon();
  assertEquals(await server.isShort(), true);
});
