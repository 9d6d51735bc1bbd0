import { assertEquals, assertRejects } from "@std/assert";
import type { Handler } from "../server/handler.ts";
import { configure, type ServerFlags } from "./configuration.ts";
import { UsageError } from "./flags.ts";
import { ModuleError } from "./server_module.ts";

/** A module whose default export is this expression. */
function exporting(expression: string): string {
  return `data:text/javascript,export default ${
    encodeURIComponent(expression)
  }`;
}

/** A module with these options, and a handler. */
function withOptions(options: Record<string, unknown>): string {
  const { ...json } = options;
  const text = JSON.stringify(json).slice(1);
  return exporting(`{ handler() { return "x" }, ${text}`);
}

Deno.test("configure() without a module serves the echo", async () => {
  const flags: ServerFlags = { port: 1, "keep-alive": true, quiet: true };
  const { handler, options } = await configure({ module: undefined, flags });
  assertEquals(handler, undefined);
  assertEquals(options, { port: 1, keepAlive: true });
});

Deno.test("configure() takes a function, or a method that uses this", async () => {
  for (
    const expression of [
      `() => "a"`,
      `{ handler: () => "a" }`,
      `{ handler() { return this.end }, end: "a" }`,
    ]
  ) {
    const module = exporting(expression);
    const { handler } = await configure({ module, flags: {} });
    assertEquals(
      handler!(...[] as unknown as Parameters<Handler>),
      "a",
    );
  }
});

/** A certificate and a key that nobody looks at. */
const PAIR: ServerFlags = {
  cert: [{ path: "b.pem", text: "b" }],
  key: [{ path: "c.pem", text: "c" }],
};

Deno.test.each<[Record<string, unknown>, ServerFlags, Record<string, unknown>]>(
  [
    [{ port: 1, keepAlive: true }, {}, { port: 1, keepAlive: true }],
    [{ port: 1, grace: 5 }, { port: 2 }, { port: 2, grace: 5 }],
    [{ end: "a" }, { marker: [] }, { end: [] }],
    // Options that mean nothing beside a flag.
    [{ port: 1, hostname: "a" }, { unix: "/b" }, { path: "/b" }],
    [{ path: "/a" }, { port: 2 }, { port: 2 }],
    [{ path: "/a" }, { hostname: "b" }, { hostname: "b" }],
    [{ path: "/a" }, PAIR, { cert: "b", key: "c" }],
    [{ cert: "a", key: "a" }, PAIR, { cert: "b", key: "c" }],
    [{ tls: {} }, PAIR, { cert: "b", key: "c" }],
    [{ cert: "a", key: "a" }, { unix: "/b" }, { path: "/b" }],
    [{ port: 1, path: "/a" }, { "systemd-socket": "" }, {}],
    [{ framing: "count" }, { "reply-marker": new Uint8Array(1) }, {
      replyEnd: new Uint8Array(1),
    }],
    [{ end: "a", replyEnd: "b" }, { framing: "count" }, { framing: "count" }],
    // Flags beside which they keep their meaning.
    [{ path: "/a" }, { hostname: "b", "health-port": 1 }, {
      path: "/a",
      hostname: "b",
    }],
    [{ path: "/a" }, { parallel: 1 }, { path: "/a" }],
    [{ end: "a", framing: "end" }, { "reply-marker": new Uint8Array(1) }, {
      end: "a",
      framing: "end",
      replyEnd: new Uint8Array(1),
    }],
  ],
)("configure() lets flags override: %o %o", async (given, flags, expected) => {
  const module = withOptions(given);
  const { options } = await configure({ module, flags });
  assertEquals(options as Record<string, unknown>, expected);
});

Deno.test("configure() refuses --parallel with a path", async () => {
  const module = withOptions({ path: "/a" });
  await assertRejects(
    () => configure({ module, flags: { parallel: 2 } }),
    UsageError,
    "--parallel and the option path of data:",
  );
});

Deno.test.each([
  ["1", "is number, neither a handler nor an object with one"],
  ["null", "is null, neither"],
  ["{ fetch() {} }", "its default export has no handler function"],
  ["{ handler: 1 }", "its default export has no handler function"],
  ["{ handler: 1, converse() {} }", "has no handler function"],
  ["{ converse: 1 }", "converse must be of type function, and is number"],
  ["{ handler() {}, maxBites: 1 }", "maxBites is not an option of serve()"],
  ["{ handler() {}, toString: 1 }", "toString is not an option of serve()"],
  ["{ handler() {}, port: '1' }", "port must be of type number, and is string"],
  [
    "{ handler() {}, signal: null }",
    "signal must be of type object, and is null",
  ],
  [
    "{ handler() {}, onError: {} }",
    "onError must be of type function, and is object",
  ],
])("configure() refuses the default export %s", async (expression, message) => {
  const module = exporting(expression);
  await assertRejects(
    () => configure({ module, flags: {} }),
    ModuleError,
    message,
  );
});

Deno.test("configure() names options of the module, and flags", async () => {
  const message = "Cannot use 1 as maxBufferedBytes: maxBytes is 2";
  const errorOf = async (module: string | undefined, flags: ServerFlags) => {
    const { toOptionError } = await configure({ module, flags });
    const { name, message: text } = toOptionError(message);
    return [name, text.replace(module ?? "", "MODULE")];
  };
  const flags = { "max-bytes": 2 };
  const module = withOptions({ maxBufferedBytes: 1, maxBytes: 3 });
  assertEquals(await errorOf(module, flags), [
    "ModuleError",
    "Cannot serve MODULE: Cannot use 1 as maxBufferedBytes: --max-bytes is 2",
  ]);
  assertEquals(await errorOf(undefined, flags), [
    "UsageError",
    "MODULECannot use 1 as --max-buffered: --max-bytes is 2",
  ]);
});
