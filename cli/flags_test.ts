import { assertEquals, assertThrows } from "@std/assert";
import { parseCommandLine, parseFlags, UsageError } from "./flags.ts";

const KINDS = {
  data: "values",
  port: "value",
  quiet: "switch",
  trace: "optional",
} as const;

Deno.test.each([
  { args: [], flags: {} },
  { args: ["--quiet"], flags: { quiet: true } },
  { args: ["--port", "1"], flags: { port: "1" } },
  { args: ["--port=1"], flags: { port: "1" } },
  { args: ["--trace", "--port=1"], flags: { trace: "", port: "1" } },
  { args: ["--trace", "json"], flags: { trace: "json" } },
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
  { args: [], operands: [], flags: {} },
  { args: ["a.ts"], operands: ["a.ts"], flags: {} },
  { args: ["a.ts", "--quiet"], operands: ["a.ts"], flags: { quiet: true } },
  { args: ["--quiet", "a.ts"], operands: ["a.ts"], flags: { quiet: true } },
  {
    args: ["--port", "1", "a.ts"],
    operands: ["a.ts"],
    flags: { port: "1" },
  },
  // No number is made of it.
  { args: ["0x10"], operands: ["0x10"], flags: {} },
])("parseCommandLine() reads $args", ({ args, operands, flags }) => {
  const read = parseCommandLine(args, KINDS, 1);
  assertEquals<unknown>(read, { operands, flags });
});

Deno.test.each([
  { args: ["a.ts", "b.ts"], error: "unexpected argument b.ts" },
  { args: ["a.ts", "-q"], error: "unexpected argument -q" },
  { args: ["a.ts", "--porr"], error: "unknown flag --porr" },
])("parseCommandLine() throws for $args", ({ args, error }) => {
  assertThrows(() => parseCommandLine(args, KINDS, 1), UsageError, error);
});
