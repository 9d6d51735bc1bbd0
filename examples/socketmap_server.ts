/**
 * A table for Postfix (`socketmap_table`): who gets the mail for an address.
 * Queries and replies are netstrings: `3:a b,`. The query is the name of a map, a
 * space and a key.
 *
 *     deno run -A server.ts examples/socketmap_server.ts
 *     postmap -q ann@example.com socketmap:inet:127.0.0.1:8125:aliases
 *
 * @module
 */
import { ErrorReply, serve, type ServerModule } from "../mod.ts";

const MAPS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ["aliases", new Map([["ann@example.com", "ann, bob"]])],
]);

const server = {
  port: 8125,
  framing: "count",
  keepAlive: true,
  maxBytes: 100_000,
  errorReply: (code) => `TEMP ${code}`,
  handler(message) {
    const [, name = "", key = ""] = /^(\S*) (.*)$/s.exec(message.text()) ?? [];
    const map = MAPS.get(name);
    if (map === undefined) throw new ErrorReply("no such map");
    const value = map.get(key);
    return value === undefined ? "NOTFOUND " : `OK ${value}`;
  },
} satisfies ServerModule;

export default server;
if (import.meta.main) serve(server, server.handler);
