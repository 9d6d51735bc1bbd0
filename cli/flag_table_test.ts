import { assertEquals, assertThrows } from "@std/assert";
import { CLIENT_FLAGS } from "./client_flags.ts";
import {
  type FlagTable,
  type FlagValues,
  kindsOf,
  optionalFlag,
  optionsOf,
  readFlags,
  switchFlag,
  valueFlag,
  valuesFlag,
} from "./flag_table.ts";
import { parseFlags, UsageError } from "./flags.ts";
import { SERVER_FLAGS } from "./server_flags.ts";
import { anyText, choice, wholeNumber } from "./values.ts";

const TABLE = {
  data: valuesFlag("TEXT", anyText, { help: "texts", excludes: ["quiet"] }),
  port: valueFlag("PORT", wholeNumber(0, 9), {
    help: "a number",
    option: "port",
    excludes: ["quiet"],
    excludesWhen: {
      clause: "if the value is above 5",
      holds: (port) => port as number > 5,
    },
  }),
  quiet: switchFlag({ help: "a switch", option: "isQuiet" }),
  trace: optionalFlag("[json]", choice("json"), "text", {
    help: "an optional value",
    needs: ["port"],
  }),
};

/** Reads a command line by a table. */
function read<Table extends FlagTable>(
  args: readonly string[],
  table: Table,
): FlagValues<Table> {
  return readFlags(parseFlags(args, kindsOf(table)), table);
}

Deno.test("readFlags() returns the values that were given", () => {
  const values = read(["--data=a", "--data=b", "--port=5", "--trace"], TABLE);
  assertEquals(values, { data: ["a", "b"], port: 5, trace: "text" });
  assertEquals(read(["--trace=json", "--port=1"], TABLE).trace, "json");
  assertEquals(read([], TABLE), {});
});

Deno.test.each([
  { args: ["--port=10"], error: "--port needs a whole number from 0 to 9" },
  { args: ["--trace=xml", "--port=1"], error: "--trace is json, not xml" },
  { args: ["--trace"], error: "--trace needs --port" },
  {
    args: ["--quiet", "--data=a"],
    error: "--data and --quiet exclude each other",
  },
  {
    args: ["--quiet", "--port=6"],
    error: "--port and --quiet exclude each other",
  },
])("readFlags() throws for $args", ({ args, error }) => {
  assertThrows(() => read(args, TABLE), UsageError, error);
});

Deno.test("readFlags() lets a condition permit a combination", () => {
  assertEquals(read(["--quiet", "--port=5"], TABLE), { quiet: true, port: 5 });
});

Deno.test("optionsOf() returns the options that flags set", () => {
  const values = read(["--port=5", "--data=a"], TABLE);
  assertEquals(optionsOf(values, TABLE), { port: 5 });
});

Deno.test.each([
  { args: ["--unix=/s", "--port=1"], error: "--port and --unix exclude" },
  { args: ["--unix=/s", "--hostname=::1"], error: "--hostname and --unix" },
  { args: ["--unix=/s", "--parallel=2"], error: "--parallel and --unix" },
  { args: ["--unix="], error: "--unix must not be empty" },
  { args: ["--framing=count", "--marker=a"], error: "--framing and --marker" },
  { args: ["--notice=1"], error: "--notice needs --health-port" },
])("SERVER_FLAGS refuse $args", ({ args, error }) => {
  assertThrows(() => read(args, SERVER_FLAGS), UsageError, error);
});

Deno.test.each([
  { args: ["--framing=end", "--marker=a"] },
  { args: ["--unix=/s", "--hostname=::1", "--health-port=1"] },
  { args: ["--unix=/s", "--parallel=1"] },
])("SERVER_FLAGS accept $args", ({ args }) => {
  read(args, SERVER_FLAGS);
});

Deno.test.each([
  { args: ["--data=a", "--file=b"], error: "--data and --file exclude" },
  { args: ["--unix=/s", "--port=1"], error: "--unix and --port exclude" },
  { args: ["--unix=/s", "--tls"], error: "--unix and --tls exclude" },
  { args: ["--check", "--data=a"], error: "--check and --data exclude" },
  { args: ["--pause=1"], error: "--pause needs --check" },
  {
    args: ["--keep-alive", "--half-close=after"],
    error: "--keep-alive and --half-close exclude",
  },
  {
    args: ["--framing=count", "--reply-marker=a"],
    error: "--framing and --reply-marker exclude",
  },
])("CLIENT_FLAGS refuse $args", ({ args, error }) => {
  assertThrows(() => read(args, CLIENT_FLAGS), UsageError, error);
});

Deno.test.each([
  { name: "SERVER_FLAGS", flags: SERVER_FLAGS as FlagTable },
  { name: "CLIENT_FLAGS", flags: CLIENT_FLAGS as FlagTable },
])("$name name only flags that exist", ({ flags }) => {
  const named = Object.values(flags).flatMap(({ help, ...rules }) => [
    ...rules.needs ?? [],
    ...rules.excludes ?? [],
    ...[...help.matchAll(/--([a-z-]+)/g)].map(([, name]) => name!),
  ]);
  assertEquals(named.filter((name) => !Object.hasOwn(flags, name)), []);
});
