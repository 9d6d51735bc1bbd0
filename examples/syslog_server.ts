/**
 * A syslog server (RFC 5424) over TCP with octet counting (RFC 6587 3.4.1),
 * `5 a1234`: a message may have several lines. It never replies.
 *
 *     deno run -A server.ts examples/syslog_server.ts
 *     logger --tcp --octet-count --server 127.0.0.1 --port 1601 hello
 *
 * @module
 */
import { serve, type ServerModule } from "../mod.ts";

const server = {
  port: 1601,
  framing: { framing: "octetCounted" },
  keepAlive: true,
  maxBytes: 64 * 1024,
  idleTimeout: 0, // a sender does not notice a close, and loses its next message
  errorReply: () => null,
  handler(message) {
    const [, priority, text] = /^<(\d{1,3})>(.*)$/s.exec(message.text()) ?? [];
    const [facility, severity] = [Number(priority) >> 3, Number(priority) & 7];
    // As JSON, no message can imitate another one, or a terminal's commands.
    console.log(JSON.stringify({ facility, severity, text }));
  },
} satisfies ServerModule;

export default server;
if (import.meta.main) serve(server, server.handler);
