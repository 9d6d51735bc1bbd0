import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import { EndMarkerFraming } from "./end_marker.ts";
import { endOfFileFraming } from "./end_of_file.ts";
import { toMarkerSet } from "./marker.ts";
import { netstringFraming } from "./netstring.ts";
import { encodeMessage, type Outgoing } from "./outgoing.ts";

const encoder = new TextEncoder();

async function readAll(message: Outgoing): Promise<string> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = await message.next();
    if (chunk === null) return new TextDecoder().decode(concat(chunks));
    chunks.push(chunk);
  }
}

Deno.test("encodeMessage() counts the bytes of all chunks of a stream", async () => {
  const stream = ReadableStream.from(["abc", "", "de"])
    .pipeThrough(new TextEncoderStream());
  const message = encodeMessage(stream, netstringFraming);
  assertEquals(await readAll(message), "5:abcde,");
  assertEquals(message.byteLength, 5);
});

Deno.test("encodeMessage() counts bytes, not characters", async () => {
  const message = encodeMessage("té", netstringFraming);
  assertEquals(await readAll(message), "3:té,");
  assertEquals(message.byteLength, 3);
});

Deno.test("Outgoing.cancel() cancels the stream", async () => {
  const cancelled = Promise.withResolvers<void>();
  const stream = new ReadableStream<Uint8Array>({
    cancel: () => cancelled.resolve(),
  });
  encodeMessage(stream, endOfFileFraming).cancel();
  await cancelled.promise;
});

Deno.test("Outgoing.next() rejects for a chunk that is not bytes", async () => {
  const stream = ReadableStream.from(["text"]) as ReadableStream;
  const message = encodeMessage(stream, endOfFileFraming);
  await assertRejects(() => message.next(), TypeError, "not bytes");
});

Deno.test("encodeMessage() throws for what is neither text, bytes nor a stream", () => {
  const data = 5 as unknown as string;
  assertThrows(() => encodeMessage(data, endOfFileFraming), TypeError);
});

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
