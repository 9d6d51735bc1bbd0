// A TCP proxy in Deno, in one of two ways. Prints the port that it listens on.
//
//   deno run deno_pipe.ts SERVER_PORT pipeTo|closeWrite

const [port, way] = Deno.args;
const pipe = way === "pipeTo" ? pipeByStreams : pipeByHand;

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
for await (const client of listener) proxy(client).catch(console.error);

async function proxy(client: Deno.Conn): Promise<void> {
  const server = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(port),
  });
  try {
    await Promise.all([pipe(client, server), pipe(server, client)]);
  } finally {
    // A broken direction ends the other one, which would stay open.
    close(client);
    close(server);
  }
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch (error) {
    // The streams have closed the connection already.
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

async function pipeByStreams(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  await from.readable.pipeTo(to.writable);
}

async function pipeByHand(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const count = await from.read(buffer);
    if (count === null) break;
    let unsent = buffer.subarray(0, count);
    while (unsent.length > 0) unsent = unsent.subarray(await to.write(unsent));
  }
  await to.closeWrite();
}
