/**
 * A server for messages with a checksum: NMEA 0183 sentences, as GPS receivers
 * send them. After the `*` comes the XOR of the bytes between `$` and `*`. If
 * it is wrong, the reply is `ERROR:malformed!`, and the client may send the
 * sentence again.
 *
 *     deno run -A server.ts examples/checksum_server.ts
 *     printf '$HCHDG,101.1,,,7.1,W*3C\r\n' | nc -N 127.0.0.1 10110
 *
 * @module
 */
import { ErrorReply, type Message, type ServerModule } from "../mod.ts";

/** A sentence: the start, the body, and the checksum of the body. */
const SENTENCE = /^[$!]([ -)+-~]+)\*([0-9A-F]{2})$/;

/** Replies with the name of the sentence. */
function accept(message: Message): string {
  const [, body = "", checksum = ""] = SENTENCE.exec(message.text()) ?? [];
  const sum = [...body].reduce((sum, char) => sum ^ char.charCodeAt(0), 0);
  if (body === "" || sum !== parseInt(checksum, 16)) {
    throw new ErrorReply("malformed");
  }
  return `got ${body.split(",", 1)}`;
}

export default {
  port: 10110,
  end: "\r\n",
  keepAlive: true,
  handler: accept,
} satisfies ServerModule;
