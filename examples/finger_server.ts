/**
 * A finger server (RFC 1288): the query is a line, with `/W ` before it for a
 * long reply, and empty for all users. The end of the connection ends the reply.
 *
 *     deno run -A server.ts examples/finger_server.ts
 *     printf 'ann\r\n' | nc -N 127.0.0.1 7979
 *
 * The program `finger` asks port 79 only: as root, `finger ann@127.0.0.1`.
 *
 * @module
 */
import { ErrorReply, serve, type ServerModule } from "../mod.ts";

const PLANS: ReadonlyMap<string, string> = new Map([
  ["ann", "Write the tests first."],
  ["bob", "Sleep."],
]);

const server = {
  port: 7979,
  end: ["\r\n", "\n"],
  maxBytes: 512,
  errorReply: (code) => `finger: ${code}\r\n`,
  handler(message) {
    const [, long, name = ""] = /^(\/W ?)?(.*)$/i.exec(message.text()) ?? [];
    if (name.includes("@")) throw new ErrorReply("forwarding denied");
    if (name === "") return `Users: ${[...PLANS.keys()].join(", ")}\r\n`;
    const plan = PLANS.get(name);
    if (plan === undefined) throw new ErrorReply("no such user");
    return `Login: ${name}\r\n${long ? `Plan: ${plan}\r\n` : ""}`;
  },
} satisfies ServerModule;

export default server;
if (import.meta.main) serve(server, server.handler);
