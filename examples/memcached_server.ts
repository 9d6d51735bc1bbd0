/**
 * A cache with the commands `get`, `gets` and `set` of memcached. The number of
 * bytes of a value stands in the command, so a value may contain anything.
 *
 *     deno run -A server.ts examples/memcached_server.ts
 *     memccp --servers=127.0.0.1:11211 README.md
 *     memccat --servers=127.0.0.1:11211 README.md
 *
 * @module
 */
import { ErrorReply, serve, type ServerModule } from "../mod.ts";

const MAX_VALUE = 1024 * 1024;
const values = new Map<string, { flags: string; data: Uint8Array }>();

const server = {
  port: 11211,
  end: "\r\n",
  maxBytes: MAX_VALUE,
  errorReply: (code) => `SERVER_ERROR ${code}`,
  async converse(conversation) {
    for (let line; (line = await conversation.message()) !== null;) {
      const [command = "", ...words] = line.text().split(" ");
      const [key = "", flags = "0", , length = "", noreply] = words;
      if (command === "quit") return;
      if (command === "get" || command === "gets") {
        for (const name of words) {
          const value = values.get(name);
          if (value === undefined) continue;
          const { flags, data } = value;
          const unique = command === "gets" ? " 1" : "";
          const head = `VALUE ${name} ${flags} ${data.length}${unique}\r\n`;
          await conversation.write([head, data, "\r\n"]);
        }
        await conversation.reply("END");
      } else if (command === "set" && /^\d+$/.test(length)) {
        if (Number(length) > MAX_VALUE) throw new ErrorReply("too large");
        const data = await conversation.exactly(Number(length));
        const rest = await conversation.message();
        const isValid = rest?.byteLength === 0;
        if (isValid) values.set(key, { flags, data });
        if (noreply !== undefined) continue;
        await conversation.reply(isValid ? "STORED" : "CLIENT_ERROR bad data");
      } else {
        await conversation.reply("ERROR");
      }
    }
  },
} satisfies ServerModule;

export default server;
if (import.meta.main) serve(server);
