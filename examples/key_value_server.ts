/**
 * A key-value server for lines: `SET key value`, `GET key`, `DELETE key`. A file
 * keeps the values: the threads of `--parallel` share no other memory.
 *
 *     deno run -A server.ts --parallel 2 examples/key_value_server.ts
 *     printf 'SET a 1\nGET a\n' | nc -N 127.0.0.1 4444
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { ErrorReply, type Message, type ServerModule } from "../mod.ts";

const database = new DatabaseSync(Deno.env.get("DATABASE") ?? "key_value.db");
database.exec("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL");
database.exec("CREATE TABLE IF NOT EXISTS pairs (key PRIMARY KEY, value)");
const select = database.prepare("SELECT value FROM pairs WHERE key = ?");
const replace = database.prepare("REPLACE INTO pairs VALUES (?, ?)");
const remove = database.prepare("DELETE FROM pairs WHERE key = ?");

/** Runs the command of a line. */
function answer(message: Message): string {
  const [, command, key, value] =
    /^(SET|GET|DELETE) (\S+)(?: (.*))?$/s.exec(message.text()) ?? [];
  if (command === undefined) throw new ErrorReply("unknown command");
  if (command === "SET") return replace.run(key!, value ?? ""), "stored";
  if (command === "DELETE") return remove.run(key!), "deleted";
  const pair = select.get(key!);
  if (pair === undefined) throw new ErrorReply("no such key");
  return `value ${pair.value}`;
}

export default {
  end: ["\r\n", "\n"],
  replyEnd: "\n",
  keepAlive: true,
  maxBytes: 64 * 1024,
  handler: answer,
} satisfies ServerModule;
