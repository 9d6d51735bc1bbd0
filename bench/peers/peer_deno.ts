// The conversation of server.ts in a few lines of Deno, without any limit or
// error reply: what the platform itself costs.
const MARKER = new TextEncoder().encode("SERVER WRONG MARKER");

async function converse(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  const chunks: Uint8Array[] = [];
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) break;
    chunks.push(buffer.slice(0, count));
    const tail = chunks.at(-1)!.subarray(-MARKER.length);
    if (tail.every((byte, index) => byte === MARKER[index])) break;
  }
  const message = new Uint8Array(await new Blob(chunks as BlobPart[]).bytes())
    .subarray(0, -MARKER.length);
  const reply = new Uint8Array(message.length * 2);
  reply.set(message);
  reply.set(message, message.length);
  for (let sent = 0; sent < reply.length;) {
    sent += await conn.write(reply.subarray(sent));
  }
  await conn.closeWrite();
  while (await conn.read(buffer) !== null);
  conn.close();
}

const listener = Deno.listen({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
});
console.log(`started on ${listener.addr.port}`);
for await (const conn of listener) converse(conn).catch(() => {});
