/**
 * Messages with a checksum: NMEA 0183 sentences, as GPS receivers send them.
 * Behind the `*` is the XOR of all between `$` and `*`. If it is wrong, the
 * client hears `ERROR:malformed!`, and may send the sentence once more.
 *
 *     deno run --allow-net=127.0.0.1 examples/checksum_server.ts
 *     printf '$HCHDG,101.1,,,7.1,W*3C\r\n' | nc -N 127.0.0.1 10110
 *
 * @module
 */
import { LastWord, type Message, serve } from "../mod.ts";

/** A sentence: its start, what the checksum is of, the checksum. */
const SENTENCE = /^[$!]([ -)+-~]+)\*([0-9A-F]{2})$/;

/** Answers a sentence with its name. */
function accept(message: Message): string {
  const [, body = "", checksum = ""] = SENTENCE.exec(message.text()) ?? [];
  const sum = [...body].reduce((sum, char) => sum ^ char.charCodeAt(0), 0);
  if (body === "" || sum !== parseInt(checksum, 16)) {
    throw new LastWord("malformed");
  }
  return `got ${body.split(",", 1)}`;
}

const server = serve({
  port: Number(Deno.args[0] ?? 10110),
  end: "\r\n",
  keepAlive: true,
}, accept);
console.log(`started on ${server.addr.port}`);
