import { assertEquals } from "@std/assert";
import { printable } from "./output.ts";

Deno.test("printable() escapes what a terminal obeys", () => {
  assertEquals(
    printable("a\x1b[31m\r\n\x07\x9b\u202eé"),
    "a\\x1b[31m\\x0d\\x0a\\x07\\x9b\\u202eé",
  );
});
