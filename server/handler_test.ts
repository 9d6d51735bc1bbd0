import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Decoded } from "../framing/received.ts";
import { ErrorReply, LazyAbort, ReceivedMessage } from "./handler.ts";

Deno.test.each([
  { name: "one chunk", chunks: [[1, 2, 3]] },
  { name: "two chunks", chunks: [[1], [2, 3]] },
  { name: "no chunk", chunks: [] },
])("Message.bytes() is a copy of $name", ({ chunks }) => {
  const memory = chunks.map((chunk) => Uint8Array.from(chunk));
  const byteLength = chunks.flat().length;
  const message = new ReceivedMessage(new Decoded("end", memory, byteLength));
  const bytes = message.bytes();
  for (const chunk of memory) chunk.fill(0); // the server reuses the memory
  assertEquals<unknown>([...bytes], chunks.flat());
});

Deno.test("LazyAbort aborts a signal that is asked for before or after", () => {
  const reason = new Error("gone");
  for (const isAskedFirst of [true, false]) {
    const abort = new LazyAbort();
    if (isAskedFirst) assertEquals(abort.signal.aborted, false);
    abort.abort(reason);
    abort.abort(new Error("later"));
    assertEquals(abort.signal.aborted, true);
    assertStrictEquals(abort.signal.reason, reason);
  }
});

Deno.test.each([
  { name: "empty text", code: "" },
  { name: "an exclamation mark", code: "a!" },
  { name: "a line break", code: "a\nb" },
  { name: "201 characters", code: "a".repeat(201) },
  { name: "the outcome ok", code: "ok" },
  { name: "the outcome not TLS", code: "not TLS" },
])("ErrorReply throws a TypeError for $name", ({ code }) => {
  assertThrows(() => new ErrorReply(code), TypeError, "Cannot use");
});

Deno.test("ErrorReply takes a code of 200 characters", () => {
  assertEquals(new ErrorReply("é".repeat(200)).code.length, 200);
});
