import { assertEquals, assertThrows } from "@std/assert";
import { type ConnectOptions, resolveOptions } from "./options.ts";

const MIB = 1024 * 1024;

Deno.test("resolveOptions() of the client accepts twice a server's largest message", () => {
  assertEquals(resolveOptions({}).maxReplyBytes, 128 * MIB);
});

Deno.test("resolveOptions() of the client takes maxReplyBytes of 0 for a limit", () => {
  assertEquals(resolveOptions({ maxReplyBytes: 0 }).maxReplyBytes, 0);
});

Deno.test.each<{ name: string; options: ConnectOptions; markers: number }>([
  { name: "no reply marker", options: {}, markers: 0 },
  { name: "a reply marker", options: { replyEnd: ";" }, markers: 1 },
  { name: "a count", options: { framing: "count" }, markers: 0 },
])("resolveOptions() of the client frames replies with $name", (test) => {
  const { replyFraming } = resolveOptions(test.options);
  assertEquals(replyFraming.markers.length, test.markers);
});

Deno.test.each<{ name: string; options: ConnectOptions }>([
  { name: "an empty marker", options: { end: "" } },
  { name: "an empty reply marker", options: { replyEnd: "" } },
  { name: "TLS on a Unix socket", options: { tls: true, path: "/a" } },
  { name: "another framing", options: { framing: "length" as "end" } },
])("resolveOptions() of the client throws a TypeError for $name", (test) => {
  assertThrows(() => resolveOptions(test.options), TypeError, "Cannot");
});
