// The conversation of server.ts in a few lines of Deno, without any limit or
// error reply: what the platform itself costs.
const MARKER = new TextEncoder().encode("SERVER WRONG MARKER");

function hasEnd(data: Uint8Array): boolean {
  const start = data.length - MARKER.length;
  return start >= 0 &&
    MARKER.every((byte, index) => data[start + index] === byte);
}

async function converse(conn: Deno.TcpConn): Promise<void> {
  let data = new Uint8Array(1024);
  let length = 0;
  while (!hasEnd(data.subarray(0, length))) {
    if (length === data.length) {
      const larger = new Uint8Array(4 * length);
      larger.set(data);
      data = larger;
    }
    const count = await conn.read(data.subarray(length));
    if (count === null) return conn.close();
    length += count;
  }
  const message = data.subarray(0, length - MARKER.length);
  const reply = new Uint8Array(2 * message.length);
  reply.set(message);
  reply.set(message, message.length);
  for (let sent = 0; sent < reply.length;) {
    sent += await conn.write(reply.subarray(sent));
  }
  await conn.closeWrite();
  while (await conn.read(data) !== null);
  conn.close();
}

const listener = Deno.listen({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
});
console.log(`started on ${listener.addr.port}`);
for await (const conn of listener) converse(conn).catch(() => {});
