// The defaults that --help shows are those of the library and of the scripts.

import { assertEquals } from "@std/assert";
import { DEFAULT_PAUSE_MS, DEFAULT_TIMEOUT_MS } from "../check/check.ts";
import { addressOf } from "../client/options.ts";
import {
  CLIENT_MARKER,
  DEFAULT_HOSTNAME,
  DEFAULT_MAX_BYTES,
  DEFAULT_PORT,
  SERVER_MARKER,
} from "../framing/defaults.ts";
import { limitOf } from "../server/options.ts";
import { CLIENT_FLAGS, DEFAULT_MAX_REPLY_BYTES } from "./client_flags.ts";
import type { FlagTable } from "./flag_table.ts";
import { DEFAULT_NOTICE_MS, SERVER_FLAGS } from "./server_flags.ts";

/** What a flag reads from the default that it shows. */
function shownDefault(flags: FlagTable, name: string): unknown {
  const flag = flags[name]!;
  return flag.read(name, flag.default);
}

Deno.test.each(
  [
    ["max-buffered", "maxBufferedBytes"],
    ["max-connections", "maxConnections"],
    ["idle-timeout", "idleTimeout"],
    ["message-timeout", "messageTimeout"],
    ["linger-timeout", "lingerTimeout"],
    ["min-rate", "minRate"],
    ["grace", "grace"],
  ] as const,
)("SERVER_FLAGS show the default of serve(): --%s", (name, option) => {
  assertEquals(shownDefault(SERVER_FLAGS, name), limitOf({}, option));
  assertEquals(SERVER_FLAGS[name].option, option);
});

Deno.test("SERVER_FLAGS show the other defaults of the server", () => {
  const { hostname, port } = addressOf({});
  const defaults = Object.fromEntries(
    ["hostname", "port", "max-bytes", "notice"].map((name) => [
      name,
      shownDefault(SERVER_FLAGS, name),
    ]),
  );
  assertEquals(defaults, {
    "hostname": hostname,
    "port": port,
    "max-bytes": DEFAULT_MAX_BYTES,
    "notice": DEFAULT_NOTICE_MS,
  });
  assertEquals([hostname, port], [DEFAULT_HOSTNAME, DEFAULT_PORT]);
  assertEquals(SERVER_FLAGS.marker.default, SERVER_MARKER);
});

Deno.test("CLIENT_FLAGS show the defaults of the client", () => {
  const { hostname, port } = addressOf({});
  const shown = (name: string) => shownDefault(CLIENT_FLAGS, name);
  assertEquals(shown("hostname"), hostname);
  assertEquals(shown("port"), port);
  assertEquals(shown("max-bytes"), DEFAULT_MAX_REPLY_BYTES);
  assertEquals(shown("pause"), DEFAULT_PAUSE_MS);
  const { timeout, marker } = CLIENT_FLAGS;
  const seconds = DEFAULT_TIMEOUT_MS / 1000;
  assertEquals(timeout.default, `0; with --check, ${seconds}`);
  const markers = `${CLIENT_MARKER}; with --check, ${SERVER_MARKER}`;
  assertEquals(marker.default, markers);
});
