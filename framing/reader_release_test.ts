import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Reader, recvEnd } from "../mod.ts";
import { GatedSource, textOf, utf8 } from "../tests/scripted_source.ts";

Deno.test("release() hands over what was read, and unlocks a stream", async () => {
  const stream = ReadableStream.from([utf8("a;b"), utf8("c;")]);
  const reader = new Reader(stream);
  await reader.until(";");
  assertEquals(stream.locked, true);
  const initial = reader.release();
  assertEquals(stream.locked, false);
  const next = new Reader(stream, { initial });
  assertEquals(textOf((await next.until(";")).data), "bc");
  await assertRejects(() => reader.some(), TypeError, "was released");
  const { data } = await recvEnd(utf8("x;"), ";", { initial: utf8("w") });
  assertEquals(textOf(data), "wx");
});

Deno.test("release() refuses while the read of an aborted call is pending", async () => {
  const source = new GatedSource([utf8("a")]);
  const reader = new Reader(source);
  await assertRejects(() => reader.some({ timeout: 1 }), DOMException);
  assertThrows(() => reader.release(), Deno.errors.Busy, "is pending");
  source.open();
  await new Promise((done) => setTimeout(done));
  assertEquals(textOf(reader.release()), "a");
});

Deno.test("release() unlocks a stream whose read is pending, and loses nothing", async () => {
  const { readable, writable } = new TransformStream<Uint8Array>();
  const writer = writable.getWriter();
  const reader = new Reader(readable);
  writer.write(utf8("a"));
  const call = reader.until(";", { timeout: 10 });
  await assertRejects(() => call, DOMException, "Timed out");
  const initial = reader.release();
  const next = new Reader(readable, { initial });
  writer.write(utf8("b;"));
  assertEquals(textOf((await next.until(";")).data), "ab");
});

Deno.test("a disposed reader rejects the pending call and unlocks the stream", async () => {
  const { readable, writable } = new TransformStream<Uint8Array>();
  const reader = new Reader(readable);
  const call = reader.until(";");
  const limited = new Reader(new GatedSource([]));
  const other = limited.until(";", { timeout: 60_000 });
  await Promise.resolve();
  reader[Symbol.dispose]();
  limited[Symbol.dispose]();
  await assertRejects(() => call, TypeError, "was released");
  await assertRejects(() => other, TypeError, "was released");
  assertEquals(readable.locked, false);
  const written = writable.getWriter().write(utf8("a"));
  assertEquals((await readable.getReader().read()).value, utf8("a"));
  await written;
});

Deno.test("a disposed reader returns nothing, whatever has arrived or arrives", async () => {
  const buffered = new Reader(utf8("a;b"));
  await buffered.until(";");
  const atEnd = new Reader(utf8(""));
  await atEnd.some();
  const source = new GatedSource([utf8("late")]);
  const pending = new Reader(source);
  await assertRejects(() => pending.some({ timeout: 1 }), DOMException);
  for (const reader of [buffered, atEnd, pending]) reader[Symbol.dispose]();
  source.open();
  await new Promise((done) => setTimeout(done));
  for (const reader of [buffered, atEnd, pending]) {
    await assertRejects(() => reader.some(), TypeError, "was released");
  }
});
