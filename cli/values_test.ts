import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./flags.ts";
import {
  choice,
  parseMarker,
  parseSeconds,
  parseSize,
  readTextFile,
  sizeAtLeast,
  someText,
  wholeNumber,
} from "./values.ts";

Deno.test.each([
  ["0", 0],
  ["1000", 1000],
  ["64KiB", 65536],
  ["64MiB", 67108864],
  ["1GiB", 1073741824],
])("parseSize() reads %s", (text, bytes) => {
  assertEquals(parseSize("max-bytes", text), bytes);
});

Deno.test.each(["", "-1", "1.5", "1kB", "1 KiB", "KiB", "1e3", "99999999GiB"])(
  'parseSize() throws for "%s"',
  (text) => {
    assertThrows(() => parseSize("max-bytes", text), UsageError, "--max-bytes");
  },
);

Deno.test.each([["0", 0], ["30", 30_000], ["0.5", 500], [".5", 500]])(
  "parseSeconds() reads %s",
  (text, milliseconds) => {
    assertEquals(parseSeconds("grace", text), milliseconds);
  },
);

Deno.test.each(["", "-1", "1s", "1e3", ".", "Infinity", "NaN"])(
  'parseSeconds() throws for "%s"',
  (text) => {
    assertThrows(() => parseSeconds("grace", text), UsageError, "--grace");
  },
);

Deno.test.each([
  ["END", [69, 78, 68]],
  ["\\r\\n\\t\\0\\\\", [13, 10, 9, 0, 92]],
  ["\\x1c\\xFf", [28, 255]],
  ["é", [195, 169]],
  ["\\\\r", [92, 114]],
] as [string, number[]][])("parseMarker() reads %s", (text, bytes) => {
  assertEquals([...parseMarker("marker", text)], bytes);
});

Deno.test.each(["", "\\", "\\q", "\\x", "\\x1", "\\xgg"])(
  'parseMarker() throws for "%s"',
  (text) => {
    assertThrows(() => parseMarker("marker", text), UsageError, "--marker");
  },
);

Deno.test("wholeNumber() reads a number in its range", () => {
  assertEquals(wholeNumber(0, 65535)("port", "65535"), 65535);
  assertEquals(wholeNumber(0, 65535)("port", "0"), 0);
});

Deno.test.each(["65536", "-1", "1.5", "", "0x10"])(
  'wholeNumber() throws for "%s"',
  (text) => {
    assertThrows(
      () => wholeNumber(0, 65535)("port", text),
      UsageError,
      "--port needs a whole number from 0 to 65535",
    );
  },
);

Deno.test("choice() accepts the given words alone", () => {
  assertEquals(choice("before", "after")("half-close", "after"), "after");
  assertThrows(
    () => choice("before", "after")("half-close", "never"),
    UsageError,
    "--half-close is before or after, not never",
  );
});

Deno.test("sizeAtLeast() throws for a smaller size", () => {
  assertEquals(sizeAtLeast(1024)("max-buffered", "1KiB"), 1024);
  assertThrows(
    () => sizeAtLeast(1024)("max-buffered", "1023"),
    UsageError,
    "--max-buffered needs at least 1024 bytes",
  );
});

Deno.test("someText() throws for an empty text", () => {
  assertEquals(someText("unix", "/run/socket"), "/run/socket");
  assertThrows(() => someText("unix", ""), UsageError, "must not be empty");
});

Deno.test("readTextFile() throws for a file that cannot be read", () => {
  assertThrows(
    () => readTextFile("cert", "/no/such/file"),
    UsageError,
    "--cert cannot be read",
  );
});
