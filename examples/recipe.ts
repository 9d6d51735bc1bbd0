/**
 * The idea on one page: a server and a client in plain Deno over `recvEnd()`.
 * The client half-closes with `closeWrite()`, so the server can still reply;
 * the server discards what else arrives before it closes, so the reply is not
 * lost. `serve()` and `sendData()` add limits, time-outs and error handling.
 *
 *     deno run --allow-net=127.0.0.1 examples/recipe.ts
 *     deno run --allow-net=127.0.0.1 examples/recipe.ts "SERVER WRONG MARKER"
 *
 * The first command prints `ERROR:no end!` five times, because the two markers
 * differ. The second prints each message twice: `a1234a1234`, and so on.
 *
 * @module
 */
import { recvEnd } from "../mod.ts";

const SERVER_MARKER = "SERVER WRONG MARKER";
const CLIENT_MARKER = Deno.args[0] ?? "CLIENT WRONG MARKER";

/** Reads one message, replies, and closes without losing the reply. */
async function answer(conn: Deno.Conn): Promise<void> {
  using _ = conn;
  const { gotEnd, data } = await recvEnd(conn, SERVER_MARKER);
  const message = new TextDecoder().decode(data);
  // Starts before the write: a client may write all it has before it reads.
  const drained = drain(conn);
  await writeAll(conn, gotEnd ? message + message : "ERROR:no end!");
  await conn.closeWrite();
  // A close with unread bytes is a reset, and a reset discards the reply.
  await drained;
}

/** Sends one message and returns the reply. */
async function send(data: string, port: number): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(conn, data + CLIENT_MARKER);
  await conn.closeWrite(); // the half-close: done sending, still reading
  let reply = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1024);
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return reply;
    reply += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

/** Reads and discards bytes until the end of file. */
async function drain(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  while (await conn.read(buffer) !== null);
}

/** Writes all of the text: one `write()` may accept less than it is given. */
async function writeAll(conn: Deno.Conn, text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(await conn.write(bytes));
}

/** Accepts connections until the listener is closed. */
async function acceptAll(listener: Deno.Listener): Promise<void> {
  for await (const conn of listener) answer(conn).catch(console.error);
}

using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
acceptAll(listener);
for (const data of ["a1234", "b1234", "c1234", "d1234", "e1234"]) {
  console.log(await send(data, (listener.addr as Deno.NetAddr).port));
}
