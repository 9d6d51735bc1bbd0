/**
 * A WHOIS server (RFC 3912): the query is a line, the reply is text, and the end
 * of the connection ends it.
 *
 *     deno run -A server.ts examples/whois_server.ts
 *     whois -h 127.0.0.1 -p 4343 example.com
 *
 * @module
 */
import { ErrorReply, serve, type ServerModule } from "../mod.ts";

const RECORDS: ReadonlyMap<string, string> = new Map([
  ["example.com", "domain: EXAMPLE.COM\r\nholder: Example Ltd\r\n"],
  ["192.0.2.1", "inetnum: 192.0.2.0 - 192.0.2.255\r\nholder: TEST-NET-1\r\n"],
]);

const server = {
  port: 4343,
  end: ["\r\n", "\n"],
  maxBytes: 255,
  errorReply: (code) => `% ${code}\r\n`,
  handler(message) {
    const record = RECORDS.get(message.text().toLowerCase());
    if (record === undefined) throw new ErrorReply("no match");
    return record;
  },
} satisfies ServerModule;

export default server;
if (import.meta.main) serve(server, server.handler);
