/**
 * The hostile clients of the soak. What the server replies to them is ignored.
 *
 * @module
 */
import { connect as connectSocket, type Socket } from "node:net";
import { connectTo, readAll, writeAll } from "../tests/sockets.ts";
import { MARKER } from "./soak_clients.ts";
import { pause, type Random } from "./soak_random.ts";

/** What a hostile client works with. */
export interface AttackOptions {
  /** The server's port on 127.0.0.1. */
  readonly port: number;
  /** Where its choices come from. */
  readonly random: Random;
  /** Bytes without a marker. */
  readonly material: Uint8Array;
  /** The longest time that it stays connected. */
  readonly maxStayMs: number;
}

/** One hostile client, from connect to close or reset. */
type Attack = (options: AttackOptions) => Promise<void>;

/** What hostile clients do, on one connection each. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  "reset at once": (options) =>
    withSocket(options, (socket) => socket.resetAndDestroy()),
  "reset in the message": (options) =>
    withSocket(options, (socket) => {
      socket.write(someBytes(options), () => socket.resetAndDestroy());
    }),
  "reset after the message": (options) =>
    withSocket(options, (socket) => {
      socket.write(someBytes(options));
      socket.write(MARKER, () => socket.resetAndDestroy());
    }),
  "reset in the reply": (options) =>
    withSocket(options, (socket) => {
      socket.write(manyBytes(options));
      socket.write(MARKER);
      socket.once("data", () => socket.resetAndDestroy());
    }),
  "close at once": (options) => withConnection(options, () => {}),
  "silence": (options) => withConnection(options, (conn) => readAll(conn)),
  "a byte at a time": (options) =>
    withConnection(options, async (conn) => {
      for (const byte of someBytes(options)) {
        await writeAll(conn, Uint8Array.of(byte));
        await pause(options.random.whole(5, 100));
      }
    }),
  "garbage": (options) =>
    withConnection(options, async (conn) => {
      await writeAll(conn, someBytes(options));
      if (options.random.chance(0.5)) await conn.closeWrite();
      if (options.random.chance(0.5)) await readAll(conn);
    }),
  "too large": (options) =>
    withConnection(options, async (conn) => {
      for (let i = options.random.whole(2, 6); i > 0; i--) {
        await writeAll(conn, options.material);
      }
    }),
  "reply not read": (options) =>
    withConnection(options, async (conn, closed) => {
      await writeAll(conn, manyBytes(options));
      await writeAll(conn, MARKER);
      if (options.random.chance(0.5)) await conn.closeWrite();
      await closed;
    }),
  "no close after the reply": (options) =>
    withConnection(options, async (conn, closed) => {
      await writeAll(conn, someBytes(options));
      await writeAll(conn, MARKER);
      await readAll(conn);
      await closed;
    }),
  "bytes after the marker": (options) =>
    withConnection(options, async (conn) => {
      await writeAll(conn, someBytes(options));
      await writeAll(conn, MARKER);
      // Until the close at the end of the stay makes a write fail.
      for (;;) {
        await writeAll(conn, someBytes(options));
        await pause(options.random.whole(1, 50));
      }
    }),
};

/** Opens `count` connections at a time, silent or not, which end together. */
export async function flood(
  options: AttackOptions,
  count: number,
): Promise<void> {
  const one = () =>
    withConnection(options, async (conn, closed) => {
      if (options.random.chance(0.3)) await writeAll(conn, someBytes(options));
      await closed;
    });
  await Promise.all(Array.from({ length: count }, one));
}

/** Up to 64 KiB. */
function someBytes({ random, material }: AttackOptions): Uint8Array {
  return material.subarray(0, random.size(64 * 1024));
}

/** A valid message, with a reply that is larger than socket buffers. */
function manyBytes({ random, material }: AttackOptions): Uint8Array {
  return material.subarray(0, random.whole(256 * 1024, 1024 * 1024));
}

/** Runs `body` with a connection that is closed at the end of the stay. */
async function withConnection(
  { port, maxStayMs }: AttackOptions,
  body: (conn: Deno.TcpConn, closed: Promise<void>) => Promise<unknown> | void,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    using conn = await connectTo(port);
    const closed = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        conn.close();
        resolve();
      }, maxStayMs);
    });
    await body(conn, closed);
  } catch {
    // The server may do anything with such a client.
  } finally {
    clearTimeout(timer);
  }
}

/** Runs `body` with a socket that is reset at the end of the stay. */
async function withSocket(
  { port, maxStayMs }: AttackOptions,
  body: (socket: Socket) => void,
): Promise<void> {
  // Deno.Conn cannot reset a connection.
  const socket = connectSocket({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  socket.once("connect", () => body(socket));
  const timer = setTimeout(() => socket.resetAndDestroy(), maxStayMs);
  await new Promise((resolve) => socket.once("close", resolve));
  clearTimeout(timer);
}
