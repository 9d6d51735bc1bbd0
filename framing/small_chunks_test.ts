import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { SmallChunks } from "./small_chunks.ts";

/** The encoded bytes; undefined if they may not be small. */
function encoded(small: SmallChunks, body: string | Uint8Array) {
  const span = small.encode(body, trailer);
  return span?.bytes.subarray(span.start, span.end);
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const trailer = utf8("\r\n");

Deno.test("SmallChunks.encode() encodes text as TextEncoder does", () => {
  const small = new SmallChunks();
  for (const letter of ["a", "\x7f", "\x80", "ä", "€", "😀", "\ud800", ""]) {
    for (const length of [0, 1, 2, 31, 32, 33, 100]) {
      for (const cut of [0, 1, length]) {
        const text = "x".repeat(cut) + letter.repeat(length);
        const expected = concat([utf8(text), trailer]);
        assertEquals(encoded(small, text), expected, text);
        assertEquals(encoded(small, utf8(text)), expected);
      }
    }
  }
});

Deno.test("SmallChunks gives no byte of a chunk to another one", () => {
  const small = new SmallChunks();
  const chunks: Uint8Array[] = [];
  const expected: Uint8Array[] = [];
  for (let index = 0; index < 2000; index++) {
    const text = String.fromCharCode(97 + index % 26).repeat(index % 300);
    const parts = [utf8(text), utf8("ä"), trailer];
    chunks.push(encoded(small, text)!, small.join(parts));
    expected.push(concat([utf8(text), trailer]), concat(parts));
  }
  assertEquals(chunks, expected);
});

Deno.test("SmallChunks puts chunks next to each other, without a gap", () => {
  const small = new SmallChunks();
  const first = encoded(small, "aä€")!;
  const second = encoded(small, "b")!;
  assertStrictEquals(second.buffer, first.buffer);
  assertEquals(second.byteOffset, first.byteOffset + first.length);
});

Deno.test("SmallChunks leaves alone what may be large", () => {
  const small = new SmallChunks();
  const fits = 1024 - trailer.length;
  assertEquals(encoded(small, "a".repeat(342)), undefined);
  assertEquals(encoded(small, new Uint8Array(fits + 1)), undefined);
  assertEquals(encoded(small, new Uint8Array(fits))?.length, 1024);
  // One small chunk must not keep much more memory than its own size.
  const large = small.join([new Uint8Array(1020), new Uint8Array(5)]);
  assertEquals(large.buffer.byteLength, 1025);
  const joined = small.join([new Uint8Array(1020), new Uint8Array(4)]);
  assert(joined.buffer.byteLength > 1024);
});
