// Lines answered with +PONG, in thirty lines of Deno, without any limit: one
// read, all lines in it, one write.
const LF = 10;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

function handler(_line: string): string {
  return "+PONG\r\n";
}

async function converse(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(64 * 1024);
  let filled = 0;
  for (;;) {
    const count = await conn.read(buffer.subarray(filled));
    if (count === null) return conn.close();
    const bytes = buffer.subarray(0, filled + count);
    let start = 0;
    let replies = "";
    for (let at; (at = bytes.indexOf(LF, start)) >= 0;) {
      replies += handler(decoder.decode(bytes.subarray(start, at - 1)));
      start = at + 1;
    }
    filled = bytes.length - start;
    buffer.copyWithin(0, start, bytes.length);
    const reply = encoder.encode(replies);
    for (let sent = 0; sent < reply.length;) {
      sent += await conn.write(reply.subarray(sent));
    }
  }
}

const listener = Deno.listen({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
});
console.log(`started on ${listener.addr.port}`);
for await (const conn of listener) converse(conn).catch(() => {});
