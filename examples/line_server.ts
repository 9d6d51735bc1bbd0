/**
 * Lines: any number on a connection, also sent ahead, ended by `\r\n` or `\n`.
 * A line is answered with a line; `ERROR:unknown command!` is one, too.
 *
 *     deno run --allow-net=127.0.0.1 examples/line_server.ts
 *     printf 'upper to be\nreverse ton ro\n' | nc -N 127.0.0.1 4444
 *
 * @module
 */
import { LastWord, type Message, serve } from "../mod.ts";

const COMMANDS: ReadonlyMap<string, (text: string) => string> = new Map([
  ["echo", (text) => text],
  ["upper", (text) => text.toUpperCase()],
  ["reverse", (text) => [...text].reverse().join("")],
]);

/** A line is a command, a space, and what it is for. */
function answer(message: Message): string {
  const [name = "", ...words] = message.text().split(" ");
  const command = COMMANDS.get(name);
  if (command === undefined) throw new LastWord("unknown command");
  return command(words.join(" "));
}

const server = serve({
  port: Number(Deno.args[0] ?? 4444),
  end: ["\r\n", "\n"],
  replyEnd: "\n",
  keepAlive: true,
}, answer);
console.log(`started on ${server.addr.port}`);
