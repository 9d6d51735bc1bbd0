/**
 * An application server behind nginx (SCGI): a netstring of headers, then as many
 * bytes as one of them says. The reply ends with the connection.
 *
 *     deno run -A server.ts examples/scgi_server.ts
 *
 * and in nginx: `location / { include scgi_params; scgi_pass 127.0.0.1:4000; }`.
 *
 * @module
 */
import { ErrorReply, serve, type ServerModule } from "../mod.ts";

const MAX_BODY = 1_000_000;

const server = {
  port: 4000,
  replyEnd: "\r\n\r\n", // of error replies: it says all else with write()
  errorReply: (code) => `Status: 503 ${code}`,
  async converse(conversation) {
    const head = await conversation.netstring({ maxBytes: 64 * 1024 });
    if (!head.gotEnd) throw new ErrorReply("bad request");
    const words = new TextDecoder().decode(head.data).split("\0");
    const headers = new Map<string, string>();
    for (let i = 0; i + 1 < words.length; i += 2) {
      headers.set(words[i]!, words[i + 1]!);
    }
    const length = Number(headers.get("CONTENT_LENGTH")?.match(/^\d*$/)?.[0]);
    if (!(length <= MAX_BODY)) throw new ErrorReply("too large");
    const body = await conversation.exactly(length);
    await conversation.write([
      "Status: 200\r\nContent-Type: text/plain\r\n\r\n",
      `${headers.get("REQUEST_METHOD")} ${headers.get("REQUEST_URI")}, `,
      `${body.length} bytes\n`,
    ]);
  },
} satisfies ServerModule;

export default server;
if (import.meta.main) serve(server);
