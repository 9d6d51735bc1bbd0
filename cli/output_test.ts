import { assertEquals } from "@std/assert";
import { printable, writeOut } from "./output.ts";

Deno.test("printable() escapes what a terminal obeys", () => {
  assertEquals(
    printable("a\x1b[31m\r\n\x07\x9b\u202eé"),
    "a\\x1b[31m\\x0d\\x0a\\x07\\x9b\\u202eé",
  );
});

Deno.test("writeOut() writes all, however little a write takes", () => {
  const { writeSync } = Deno.stdout;
  const written: number[] = [];
  let writes = 0;
  Deno.stdout.writeSync = (bytes) => {
    // A full pipe, in non-blocking mode.
    if (++writes % 3 === 0) throw new Deno.errors.WouldBlock();
    const taken = bytes.subarray(0, 2);
    written.push(...taken);
    return taken.length;
  };
  try {
    writeOut("abcdefghi");
  } finally {
    Deno.stdout.writeSync = writeSync;
  }
  assertEquals(new TextDecoder().decode(Uint8Array.from(written)), "abcdefghi");
});
