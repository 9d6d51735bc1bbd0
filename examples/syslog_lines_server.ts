/**
 * A syslog server for senders that end each message with a line feed (RFC 6587
 * 3.4.2). It needs a port of its own.
 *
 *     deno run -A server.ts examples/syslog_lines_server.ts
 *     logger --tcp --server 127.0.0.1 --port 1514 hello
 *
 * @module
 */
import { serve, type ServerModule } from "../mod.ts";
import counting from "./syslog_server.ts";

const server = {
  ...counting,
  port: 1514,
  framing: "end",
  end: ["\n", "\0"],
} satisfies ServerModule;

export default server;
if (import.meta.main) serve(server, server.handler);
