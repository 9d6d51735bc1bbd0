// The tests of a file share no modules with those of other files: here, the
// search for markers finds that it cannot use WebAssembly.

import { assertEquals } from "@std/assert";
import { MarkerSet } from "./marker_set.ts";

let attempts = 0;

/** Fails as it does where there is no SIMD, or code may not be compiled. */
function failingModule(): never {
  attempts++;
  throw new WebAssembly.CompileError("no SIMD");
}

Object.defineProperty(WebAssembly, "Module", { value: failingModule });

const encoder = new TextEncoder();

Deno.test("feed() needs no WebAssembly", () => {
  const text = encoder.encode("the end ".repeat(10_000));
  const markers = ["\n", "\r\n", "\r\n\r\n", "</end>\r\n", "the end of it all"];
  // No module is made for a small message.
  for (const marker of markers) {
    const set = new MarkerSet([encoder.encode(marker)]);
    assertEquals(set.scanner().feed(text.subarray(0, 4000)), -1);
  }
  assertEquals(attempts, 0);
  for (const marker of markers.map((marker) => encoder.encode(marker))) {
    const scanner = new MarkerSet([marker]).scanner();
    assertEquals(scanner.feed(text), -1);
    const end = text.slice();
    end.set(marker, 70_000);
    assertEquals(scanner.feed(end), 70_000 + marker.length);
  }
  assertEquals(attempts, 1);
});
