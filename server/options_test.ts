import { assertThrows } from "@std/assert";
import { serve, type ServeOptions } from "../server.ts";

Deno.test.each([
  { name: "idleTimeout -1", options: { idleTimeout: -1 } },
  { name: "lingerTimeout NaN", options: { lingerTimeout: NaN } },
  { name: "minRate -1", options: { minRate: -1 } },
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
