/**
 * A mail server that takes mail for anybody and prints it (SMTP, RFC 5321). It
 * speaks first, replies nothing to the lines of a mail, and ends a connection
 * after its reply to `QUIT`.
 *
 *     deno run -A server.ts examples/smtp_server.ts
 *     swaks --server 127.0.0.1:2525 --to ann@example.com
 *
 * @module
 */
import { serve, type ServerModule } from "../mod.ts";

const MAX_MAIL = 10_000_000;

/** What is known of a mail; it has text between `DATA` and the dot. */
interface Mail {
  from?: string | undefined;
  to?: string[];
  text?: string | undefined;
}

const server = {
  port: 2525,
  end: "\r\n",
  keepAlive: true,
  maxBytes: 4096, // of a line
  greeting: "220 localhost",
  errorReply: (code) => `421 ${code}`,
  handler(message, info) {
    const mail: Mail = info.state;
    // ISO 8859-1 keeps each byte: a mail need not be UTF-8.
    const line = new TextDecoder("latin1").decode(message.bytes());
    if (mail.text !== undefined) return takeLine(mail, line);
    const [, verb = "", rest = ""] = /^(\w*) ?(.*)$/.exec(line) ?? [];
    const [address] = /(?<=:\s*<)[^>]*/.exec(rest) ?? [];
    switch (verb.toUpperCase()) {
      case "HELO":
      case "EHLO":
      case "RSET":
        mail.from = undefined;
        return "250 localhost";
      case "MAIL":
        [mail.from, mail.to] = [address, []];
        return address === undefined ? "501 no address" : "250 ok";
      case "RCPT":
        if (mail.from === undefined || address === undefined) break;
        mail.to!.push(address);
        return "250 ok";
      case "DATA":
        if (mail.from === undefined || mail.to!.length === 0) break;
        mail.text = "";
        return "354 go on, up to a line with a dot";
      case "NOOP":
        return "250 ok";
      case "QUIT":
        info.close();
        return "221 bye";
    }
    return "503 not now, or not known";
  },
} satisfies ServerModule;

/** Takes a line of a mail; replies to the last one, a dot. */
function takeLine(mail: Mail, line: string): string | void {
  const { from, to, text = "" } = mail;
  if (line !== ".") {
    // Where the first of two dots starts a line, the sender has put it there.
    if (text.length <= MAX_MAIL) mail.text += `${line.replace(/^\./, "")}\r\n`;
    return;
  }
  mail.text = mail.from = undefined;
  if (text.length > MAX_MAIL) return "552 too large";
  console.log(JSON.stringify({ from, to, mail: text }));
  return "250 ok";
}

export default server;
if (import.meta.main) serve(server, server.handler);
