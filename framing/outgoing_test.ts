import { assertEquals } from "@std/assert";
import { EndMarkerFraming } from "./end_marker.ts";
import { toMarkerSet } from "./marker.ts";
import { encodeMessage } from "./outgoing.ts";

const encoder = new TextEncoder();

Deno.test("encodeMessage() cancelled where a marker may begin is no marker in the data", async () => {
  const { readable, writable } = new TransformStream<Uint8Array>();
  const writer = writable.getWriter();
  const framing = new EndMarkerFraming(toMarkerSet("ABAB"));
  const message = encodeMessage(readable, framing);
  // With the marker after it, this would be ABABAB.
  writer.write(encoder.encode("xAB")).catch(() => {});
  await message.next();
  const pending = message.next();
  message.cancel();
  assertEquals(await pending, null);
  assertEquals(await message.next(), null);
});
