import { assertEquals, assertThrows } from "@std/assert";
import {
  choice,
  parseFlags,
  parseMarker,
  parseSeconds,
  parseSize,
  printable,
  UsageError,
  whole,
} from "./cli.ts";

const KINDS = { data: "values", port: "value", quiet: "switch" } as const;

Deno.test.each([
  { args: [], flags: {} },
  { args: ["--quiet"], flags: { quiet: true } },
  { args: ["--port", "1"], flags: { port: "1" } },
  { args: ["--port=1"], flags: { port: "1" } },
  { args: ["--port=1", "--port=2"], flags: { port: "2" } },
  { args: ["--data", "a", "--data", "b"], flags: { data: ["a", "b"] } },
  { args: ["--data", ""], flags: { data: [""] } },
  { args: ["--data="], flags: { data: [""] } },
  { args: ["--data=--x=y"], flags: { data: ["--x=y"] } },
  { args: ["--data", "a=b\nc"], flags: { data: ["a=b\nc"] } },
  { args: ["--data", "7"], flags: { data: ["7"] } },
])("parseFlags() reads $args", ({ args, flags }) => {
  assertEquals(parseFlags(args, KINDS) as Record<string, unknown>, flags);
});

Deno.test.each([
  { args: ["--porr", "1"], error: "unknown flag --porr" },
  { args: ["--constructor"], error: "unknown flag --constructor" },
  { args: ["--no-quiet"], error: "unknown flag --no-quiet" },
  { args: ["-q"], error: "unexpected argument -q" },
  { args: ["data"], error: "unexpected argument data" },
  { args: ["--"], error: "unexpected argument --" },
  { args: ["--port"], error: "--port needs a value" },
  { args: ["--port", "--quiet"], error: "--port needs a value" },
  { args: ["--data", "-x"], error: "--data=-x for one" },
  { args: ["--quiet=yes"], error: "--quiet takes no value" },
  { args: ["\x1b[31m"], error: "unexpected argument \\x1b[31m" },
])("parseFlags() throws for $args", ({ args, error }) => {
  assertThrows(() => parseFlags(args, KINDS), UsageError, error);
});

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
  "parseSize() throws for %j",
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
  "parseSeconds() throws for %j",
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
  "parseMarker() throws for %j",
  (text) => {
    assertThrows(() => parseMarker("marker", text), UsageError, "--marker");
  },
);

Deno.test("whole() and choice() throw for what is none", () => {
  assertEquals(whole(0, 65535)("port", "65535"), 65535);
  for (const text of ["65536", "-1", "1.5", "", "0x10"]) {
    assertThrows(() => whole(0, 65535)("port", text), UsageError, "--port");
  }
  assertEquals(choice("before", "after")("half-close", "after"), "after");
  assertThrows(
    () => choice("before", "after")("half-close", "never"),
    UsageError,
    "--half-close is before or after, not never",
  );
});

Deno.test("printable() leaves nothing that a terminal obeys", () => {
  assertEquals(
    printable("a\x1b[31m\r\n\x07\x9b\u202eé"),
    "a\\x1b[31m\\x0d\\x0a\\x07\\x9b\\u202eé",
  );
});
