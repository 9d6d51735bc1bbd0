/**
 * A server for HL7 over MLLP: any number of messages on a connection, each in a
 * block `\x0b … \x1c\r`, with an ACK in a block as the reply. What is refused
 * gets a NAK, `MSA|AR`; so does what the server itself refuses.
 *
 *     deno run -A server.ts examples/mllp_server.ts
 *     printf '\013MSH|^~\\&|A|B|C|D|||ORU^R01|42|P|2.5\r\034\r' |
 *       nc -N 127.0.0.1 2575 | tr '\r' '\n'
 *
 * @module
 */
import { ErrorReply, serve, type ServerModule } from "../mod.ts";

const HOUR = 60 * 60 * 1000; // a sender may have nothing to send for that long

/** The acknowledgement of the message with this header, MSH-n at `msh[n - 1]`. */
function ack(msh: readonly string[], code: string, text = ""): string {
  const [from, to, how] = [msh.slice(2, 4), msh.slice(4, 6), msh.slice(10, 12)];
  const now = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  const ourId = crypto.randomUUID().slice(-12);
  const head = ["MSH", msh[1], ...to, ...from, now, "", "ACK", ourId, ...how];
  return `${head.join("|")}\rMSA|${code}|${msh[9]}|${text}\r`;
}

const server = {
  ...{ port: 2575, start: "\x0b", end: "\x1c\r", keepAlive: true },
  ...{ idleTimeout: HOUR, messageTimeout: HOUR },
  errorReply: (code) => ack("MSH|^~\\&|||||||||P|2.5".split("|"), "AR", code),
  handler(message) {
    const [, header] = /(?:^|\v)(MSH\|[^\r\v]*)[^\v]*$/.exec(message.text()) ??
      [];
    if (header === undefined) throw new ErrorReply("no MSH segment");
    const msh = `${header}|||||||||||`.split("|");
    return msh[9] ? ack(msh, "AA") : ack(msh, "AR", "no control id");
  },
} satisfies ServerModule;

export default server;
if (import.meta.main) serve(server, server.handler);
