/**
 * Sockets of a test: clients that behave in one way, and a few words for
 * reading and writing.
 *
 * @module
 */
import { concat } from "@std/bytes";
import {
  type AddressInfo,
  connect as connectSocket,
  createServer,
  type Socket,
} from "node:net";

/** A connection to a server on 127.0.0.1. */
export function connectTo(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/** A listener on a free port of 127.0.0.1. */
export function listenLocally(): Deno.TcpListener {
  return Deno.listen({ hostname: "127.0.0.1", port: 0 });
}

/**
 * A port that refuses connections until it is disposed of. It is the local
 * port of an open connection: no program can listen there meanwhile.
 */
export async function refusingPort(): Promise<Disposable & { port: number }> {
  using listener = listenLocally();
  const [ours, theirs] = await Promise.all([
    connectTo(listener.addr.port),
    listener.accept(),
  ]);
  return {
    port: (ours.localAddr as Deno.NetAddr).port,
    [Symbol.dispose]() {
      ours.close();
      theirs.close();
    },
  };
}

/** Connects until connections are refused. */
export async function untilRefused(port: number): Promise<void> {
  for (;;) {
    try {
      (await connectTo(port)).close();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return;
      // The connection came between the last accept and the close.
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
  }
}

/**
 * A client that sends `data`, waits for `until`, and resets the connection. A
 * reset needs SO_LINGER, which `Deno.Conn` does not offer: its close sends a
 * FIN before all else.
 */
export async function resettingClient(
  port: number,
  data: string,
  until: Promise<void> = Promise.resolve(),
): Promise<void> {
  const socket = connectSocket({ host: "127.0.0.1", port });
  // What the server does with the connection is for the test to see.
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("connect", resolve));
  if (data !== "") {
    await new Promise((resolve) => socket.write(data, resolve));
  }
  await until;
  socket.resetAndDestroy();
  await closed;
}

/** A server that answers the first byte with `data`, and resets on demand. */
export async function resettingServer(
  data: string,
): Promise<AsyncDisposable & { port: number; reset(): void }> {
  const server = createServer({ allowHalfOpen: true });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.write(data));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const reset = () => sockets.forEach((socket) => socket.resetAndDestroy());
  return {
    port: (server.address() as AddressInfo).port,
    reset,
    [Symbol.asyncDispose]() {
      reset();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A server of one connection, with this behaviour; then the server closes. */
export function serveOne(
  behave: (conn: Deno.TcpConn) => Promise<void>,
): AsyncDisposable & { port: number } {
  const listener = listenLocally();
  const served = (async () => {
    using conn = await listener.accept();
    await behave(conn);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      await served.finally(() => listener.close());
    },
  };
}

/** Writes all of `data`. */
export async function writeAll(
  conn: Deno.Conn,
  data: string | Uint8Array,
): Promise<void> {
  let unsent = typeof data === "string" ? new TextEncoder().encode(data) : data;
  while (unsent.length > 0) {
    unsent = unsent.subarray(await conn.write(unsent));
  }
}

/** Reads to the end of file. Throws what `read()` throws. */
export async function readAll(conn: Deno.Conn): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const buffer = new Uint8Array(64 * 1024);
    const count = await conn.read(buffer);
    if (count === null) return concat(chunks);
    chunks.push(buffer.subarray(0, count));
  }
}

/** Reads to the end of file, as text. */
export async function readText(conn: Deno.Conn): Promise<string> {
  return new TextDecoder().decode(await readAll(conn));
}

/** Reads `length` bytes, or to the end of file, as text. */
export async function readLength(
  conn: Deno.Conn,
  length: number,
): Promise<string> {
  const buffer = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await conn.read(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return new TextDecoder().decode(buffer.subarray(0, filled));
}

/**
 * One conversation of an ordinary client: writes everything, half-closes, and
 * only then reads to the end of file. Rejects with the first error.
 */
export async function ordinaryClient(
  port: number,
  data: string | Uint8Array,
): Promise<string> {
  using conn = await connectTo(port);
  await writeAll(conn, data);
  await conn.closeWrite();
  return await readText(conn);
}

/**
 * As {@linkcode ordinaryClient}, from another address of this machine, such as
 * 127.0.0.2, which `Deno.connect()` cannot choose. Resolves to what was received
 * before the end of file or the error.
 */
export async function clientFrom(
  localAddress: string,
  port: number,
  data: string,
): Promise<string> {
  const socket = connectSocket({ host: "127.0.0.1", port, localAddress });
  let received = "";
  socket.setEncoding("utf8");
  socket.on("data", (text) => received += text);
  socket.on("error", () => {});
  socket.end(data);
  await new Promise((resolve) => socket.once("close", resolve));
  return received;
}

/** Resolves after this time, in ms. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
