// Shapes of protocols that no example with a real program has.

import { assertEquals } from "@std/assert";
import { LocalServer } from "./local_server.ts";
import { needsNet } from "./options.ts";
import { ordinaryClient } from "./sockets.ts";

Deno.test(
  needsNet("a marker that changes: lines, and a text up to a line with a dot"),
  async () => {
    await using server = new LocalServer({
      end: "\r\n",
      async converse(conversation) {
        for (let line; (line = await conversation.message()) !== null;) {
          if (line.text() !== "DATA") {
            await conversation.reply(line.text());
            continue;
          }
          const { data } = await conversation.until("\r\n.\r\n");
          const text = new TextDecoder().decode(data).replaceAll(/^\./gm, "");
          await conversation.reply(`${text.length}`);
        }
      },
    });
    assertEquals(
      await ordinaryClient(server.port, "a\r\nDATA\r\nb\r\n..c\r\n.\r\nd\r\n"),
      "a\r\n5\r\nd\r\n",
    );
    assertEquals((await server.report()).outcome, "ok");
  },
);

Deno.test(
  needsNet("a login: later messages depend on it, and QUIT ends"),
  async () => {
    const options = { end: "\n", keepAlive: true, greeting: "+OK" };
    await using server = new LocalServer(options, (message, info) => {
      const [verb, name] = message.text().split(" ");
      if (verb === "QUIT") info.close();
      if (verb === "USER") info.state.user = name;
      return `+OK ${info.state.user ?? "nobody"}`;
    });
    const said = "STAT\nUSER ann\nSTAT\nQUIT\nSTAT\n";
    assertEquals(
      await ordinaryClient(server.port, said),
      "+OK\n+OK nobody\n+OK ann\n+OK ann\n+OK ann\n",
    );
    assertEquals((await server.report()).messages, 4);
  },
);
