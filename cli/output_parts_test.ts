import { assertEquals } from "@std/assert";
import { writePrintable } from "./output.ts";

Deno.test("writePrintable() escapes, and joins characters between parts", () => {
  // The two bytes of each ä lie in different parts.
  const bytes = new TextEncoder().encode("x" + "ä".repeat(2 ** 20) + "\x1b");
  let text = "";
  writePrintable(bytes, (part) => text += part);
  assertEquals(text === "x" + "ä".repeat(2 ** 20) + "\\x1b", true);
});

Deno.test("writePrintable() writes more than the longest string has", () => {
  const bytes = new Uint8Array(2 ** 29 + 1).fill(97);
  let length = 0;
  writePrintable(bytes, (part) => length += part.length);
  assertEquals(length, bytes.length);
});
