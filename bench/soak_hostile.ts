/**
 * The hostile clients of the soak. Nobody looks at what they are told.
 *
 * @module
 */
import { connect as connectSocket, type Socket } from "node:net";
import { connectTo, readAll, writeAll } from "../testing.ts";
import { MARKER } from "./soak_clients.ts";
import { pause, type Random } from "./soak_random.ts";

/** What a hostile client has at hand. */
export interface Means {
  readonly port: number;
  readonly random: Random;
  /** Bytes without a marker. */
  readonly material: Uint8Array;
  /** How long it may stay, in ms. */
  readonly stay: number;
}

/** One hostile client, from the connect to the close or the reset. */
type Deed = (means: Means) => Promise<void>;

/** What hostile clients do, one connection each. */
export const DEEDS: Readonly<Record<string, Deed>> = {
  "reset at once": (means) => reset(means, (socket) => strike(socket)),
  "reset in the message": (means) =>
    reset(means, (socket) => {
      socket.write(someBytes(means), () => strike(socket));
    }),
  "reset after the message": (means) =>
    reset(means, (socket) => {
      socket.write(someBytes(means));
      socket.write(MARKER, () => strike(socket));
    }),
  "reset in the reply": (means) =>
    reset(means, (socket) => {
      socket.write(manyBytes(means));
      socket.write(MARKER);
      socket.once("data", () => strike(socket));
    }),
  "close at once": (means) => meet(means, () => {}),
  "silence": (means) => meet(means, (conn) => readAll(conn)),
  "a byte at a time": (means) =>
    meet(means, async (conn) => {
      for (const byte of someBytes(means)) {
        await writeAll(conn, Uint8Array.of(byte));
        await pause(means.random.whole(5, 100));
      }
    }),
  "garbage": (means) =>
    meet(means, async (conn) => {
      await writeAll(conn, someBytes(means));
      if (means.random.chance(0.5)) await conn.closeWrite();
      if (means.random.chance(0.5)) await readAll(conn);
    }),
  "too large": (means) =>
    meet(means, async (conn) => {
      for (let i = means.random.whole(2, 6); i > 0; i--) {
        await writeAll(conn, means.material);
      }
    }),
  "reply not read": (means) =>
    meet(means, async (conn, over) => {
      await writeAll(conn, manyBytes(means));
      await writeAll(conn, MARKER);
      if (means.random.chance(0.5)) await conn.closeWrite();
      await over;
    }),
  "no close after the reply": (means) =>
    meet(means, async (conn, over) => {
      await writeAll(conn, someBytes(means));
      await writeAll(conn, MARKER);
      await readAll(conn);
      await over;
    }),
  "bytes behind the marker": (means) =>
    meet(means, async (conn) => {
      await writeAll(conn, someBytes(means));
      await writeAll(conn, MARKER);
      // Until the close under its hands makes the write fail.
      for (;;) {
        await writeAll(conn, someBytes(means));
        await pause(means.random.whole(1, 50));
      }
    }),
};

/** So many silent or babbling connections at a time, which end together. */
export async function flood(means: Means, count: number): Promise<void> {
  const one = () =>
    meet(means, async (conn, over) => {
      if (means.random.chance(0.3)) await writeAll(conn, someBytes(means));
      await over;
    });
  await Promise.all(Array.from({ length: count }, one));
}

/** Up to 64 KiB. */
function someBytes({ random, material }: Means): Uint8Array {
  return material.subarray(0, random.size(64 * 1024));
}

/** A message that may be, with a reply that is more than buffers hold. */
function manyBytes({ random, material }: Means): Uint8Array {
  return material.subarray(0, random.whole(256 * 1024, 1024 * 1024));
}

/** A connection that is closed when its time is up, whatever goes on. */
async function meet(
  { port, stay }: Means,
  body: (conn: Deno.TcpConn, over: Promise<void>) => Promise<unknown> | void,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    using conn = await connectTo(port);
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        conn.close();
        resolve();
      }, stay);
    });
    await body(conn, over);
  } catch {
    // Whatever it is, it was asked for.
  } finally {
    clearTimeout(timer);
  }
}

/** A connection that is reset, when its time is up at the latest. */
async function reset(
  { port, stay }: Means,
  body: (socket: Socket) => void,
): Promise<void> {
  // Only node:net can reset: see resettingClient() in testing.ts.
  const socket = connectSocket({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  socket.once("connect", () => body(socket));
  const timer = setTimeout(() => strike(socket), stay);
  await new Promise((resolve) => socket.once("close", resolve));
  clearTimeout(timer);
}

function strike(socket: Socket): void {
  socket.resetAndDestroy();
}
