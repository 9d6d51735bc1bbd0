/**
 * One connection of a server without a socket: the test plays the client, and
 * lets time pass.
 *
 * @module
 */
import type { Handler, ServeOptions } from "../mod.ts";
import { systemClock } from "../framing/clock.ts";
import { ServerConnection } from "../server/connection.ts";
import { newLimits } from "../server/limits.ts";
import { resolveOptions } from "../server/options.ts";
import { Places } from "../server/places.ts";

/** Short limits: a tick is 50 ms. */
const TIMES = {
  idleTimeout: 1000,
  messageTimeout: 3000,
  lingerTimeout: 800,
  minRate: 1000,
};

/** Options of a server with keep-alive. */
export const KEEPING: ServeOptions = { ...TIMES, end: ";", keepAlive: true };
/** Options of a server without. */
export const ONCE: ServeOptions = { ...TIMES, end: ";" };

/** A connection whose client is scripted, and whose time passes on demand. */
export function scriptedConnection(
  options: ServeOptions,
  handler: Handler | undefined = options.converse
    ? undefined
    : (message) => message.text(),
) {
  const open = new Set<ServerConnection>();
  const limits = newLimits(options);
  const places = new Places(limits, systemClock);
  const input: (Uint8Array | Error | null)[] = [];
  const writes: string[] = [];
  let isClosed = false;
  let onInput = () => {};
  let canWrite = Promise.resolve();
  const conn = {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    async read(buffer: Uint8Array): Promise<number | null> {
      while (input.length === 0) {
        if (isClosed) throw new Deno.errors.Interrupted("closed");
        await new Promise<void>((resolve) => onInput = resolve);
      }
      const chunk = input.shift()!;
      if (chunk === null) return null;
      if (chunk instanceof Error) throw chunk;
      const now = chunk.subarray(0, buffer.length);
      buffer.set(now);
      if (now.length < chunk.length) input.unshift(chunk.subarray(now.length));
      return now.length;
    },
    async write(bytes: Uint8Array) {
      await canWrite;
      writes.push(new TextDecoder().decode(bytes));
      return bytes.length;
    },
    closeWrite: () => Promise.resolve(),
    close() {
      isClosed = true;
      onInput();
    },
  } as unknown as Deno.Conn;
  const onError = () => {};
  const resolved = resolveOptions({ onError, ...options }, handler, {
    clock: systemClock,
    limits,
    open,
    places,
    isEnding: () => false,
    onCallbackError: () => {},
  });
  const connection = new ServerConnection(conn, resolved);
  const { timer, pool } = resolved;
  const settle = () => new Promise<void>((resolve) => setTimeout(resolve));
  return {
    connection,
    lingering: places.lingering,
    pool,
    written: () => writes.join(""),
    /** The text of each write. */
    writes,
    isClosed: () => isClosed,
    settle,
    /** Delivers text, bytes, the end of file, or an error; the connection reacts. */
    async send(data: string | Uint8Array | Error | null) {
      const encoder = new TextEncoder();
      input.push(typeof data === "string" ? encoder.encode(data) : data);
      onInput();
      await settle();
    },
    /** Lets time pass, and the connection react. */
    async pass(ms: number) {
      // One tick less than a limit of as many ms, which may start late in one.
      const ticks = ms === 0 ? 0 : timer.ticksFor(ms) - 1;
      for (const end = timer.ticks + ticks; timer.ticks < end;) {
        connection.check(++timer.ticks, false);
      }
      await settle();
    },
    /** Holds all writes back, until the function that it returns is called. */
    holdWrites(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      canWrite = promise;
      return resolve;
    },
  };
}
