/**
 * A server for HL7 over MLLP: any number of messages on a connection, each in a
 * block `\x0b … \x1c\r`, with an ACK in a block as the reply. A message without
 * a control id is rejected (AR). Without the start of a block, the reply is
 * `ERROR:malformed!`.
 *
 *     deno run -A server.ts examples/mllp_server.ts
 *     printf '\013MSH|^~\\&|A|B|C|D|||ORU^R01|42|P|2.5\r\034\r' |
 *       nc -N 127.0.0.1 2575 | tr '\r' '\n'
 *
 * @module
 */
import { ErrorReply, type Message, type ServerModule } from "../mod.ts";

const NO_HEADER = "MSH|^~\\&|||||||||P|2.5";
const HOUR = 60 * 60 * 1000; // a sender may have nothing to send for that long

/** The ACK for a message: its block without the end. */
function acknowledge(message: Message): string {
  const text = message.text();
  const start = text.lastIndexOf("\x0b"); // before it: no complete block
  if (start < 0) throw new ErrorReply("malformed");
  const header = /^MSH\|[^\r]*/.exec(text.slice(start + 1))?.[0] ?? NO_HEADER;
  const msh = `${header}|||||||||||`.split("|"); // MSH-n is msh[n - 1]
  const [from, to, how] = [msh.slice(2, 4), msh.slice(4, 6), msh.slice(10, 12)];
  const now = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  const ourId = crypto.randomUUID().slice(-12);
  const ack = ["MSH", msh[1], ...to, ...from, now, "", "ACK", ourId, ...how];
  return `\x0b${ack.join("|")}\rMSA|${msh[9] ? "AA" : "AR"}|${msh[9]}\r`;
}

export default {
  port: 2575,
  end: "\x1c\r",
  keepAlive: true,
  idleTimeout: HOUR,
  messageTimeout: HOUR,
  handler: acknowledge,
} satisfies ServerModule;
