/**
 * A server for a line protocol: any number of lines on a connection, pipelined
 * or not, each ended by `\r\n` or `\n`. The reply to a line is a line;
 * `ERROR:unknown command!` is one, too.
 *
 *     deno run -A server.ts examples/line_server.ts
 *     printf 'upper to be\nreverse ton ro\n' | nc -N 127.0.0.1 4444
 *
 * @module
 */
import { ErrorReply, type Message, type ServerModule } from "../mod.ts";

const COMMANDS: ReadonlyMap<string, (text: string) => string> = new Map([
  ["echo", (text) => text],
  ["upper", (text) => text.toUpperCase()],
  ["reverse", (text) => [...text].reverse().join("")],
]);

/** Runs the command of a line: its name, a space, and its argument. */
function answer(message: Message): string {
  const [name = "", ...words] = message.text().split(" ");
  const command = COMMANDS.get(name);
  if (command === undefined) throw new ErrorReply("unknown command");
  return command(words.join(" "));
}

export default {
  end: ["\r\n", "\n"],
  replyEnd: "\n",
  keepAlive: true,
  handler: answer,
} satisfies ServerModule;
