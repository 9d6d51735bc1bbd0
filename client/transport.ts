/**
 * The socket of one connection, on the client's side, which reports each step.
 *
 * @module
 */
import { type ChunkReader, openChunks } from "../framing/chunk_reader.ts";
import type { Clock, Timer } from "../framing/clock.ts";
import type { Decoder } from "../framing/framing.ts";
import type { Decoded } from "../framing/received.ts";
import type { Connection } from "./connection.ts";
import type { SendEvent } from "./events.ts";
import { ReplyMemory } from "./reply_memory.ts";

/** TCP keep-alive is worth a system call after this time, in ms. */
const KEEP_ALIVE_AFTER_MS = 5000;

/** Settings of a {@linkcode ClientTransport}. */
export interface TransportOptions {
  /** Called for each step. */
  readonly onEvent: (event: SendEvent) => void;
  /** Called with an error that `onEvent` threw. The connection is closed. */
  readonly onCallbackError: (error: unknown) => void;
  /** Awaited before each read. */
  readonly beforeRead?: (() => Promise<void> | void) | undefined;
}

/** One connection of a client, in chunks. It is closed exactly once. */
export class ClientTransport implements ChunkReader {
  /**
   * Whether a write met a reset. The write takes the reset away: a read that
   * follows sees an end of file, which is not the server's.
   */
  wasReset = false;
  readonly #conn: Connection;
  readonly #options: TransportOptions;
  readonly #memory = new ReplyMemory();
  readonly #chunks: ChunkReader;
  readonly #clock: Clock;
  #keepAliveTimer: Timer | undefined;
  #hasWritten = false;
  #isNoDelay = false;
  #isClosed = false;

  constructor(conn: Connection, options: TransportOptions, clock: Clock) {
    this.#clock = clock;
    this.#conn = conn;
    this.#options = options;
    this.#chunks = openChunks(conn.source, this.#memory);
    this.#keepAliveLater();
  }

  /**
   * Has the kernel probe the server after a while: it then notices one that is
   * gone, and NATs do not forget the connection (see docs/timers.md).
   */
  #keepAliveLater(): void {
    this.#keepAliveTimer = this.#clock.setTimeout(() => {
      try {
        this.#conn.socket?.setKeepAlive?.(true);
      } catch {
        // Deno refuses while a read and a write are pending at the same time.
        this.#keepAliveLater();
      }
    }, KEEP_ALIVE_AFTER_MS);
    this.#clock.unrefTimer(this.#keepAliveTimer);
  }

  /** Whether we have closed the socket. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Reports a step. After the last, `closed`, nothing is reported. */
  report(event: SendEvent): void {
    if (this.#isClosed && event.type !== "closed") return;
    try {
      this.#options.onEvent(event);
    } catch (error) {
      this.#options.onCallbackError(error);
      this.close();
    }
  }

  /** Writes a complete chunk. */
  async write(chunk: Uint8Array): Promise<void> {
    // A second write must not wait for the acknowledgement of the first. The
    // only write of a short conversation needs no system call for that.
    if (this.#hasWritten && !this.#isNoDelay) {
      this.#isNoDelay = true;
      this.#conn.socket?.setNoDelay?.(true);
    }
    this.#hasWritten = true;
    try {
      for (let start = 0; start < chunk.length;) {
        const byteLength = await this.#conn.write(chunk.subarray(start));
        this.report({ type: "wrote", byteLength });
        start += byteLength;
      }
    } catch (error) {
      // After an end of file it would be a BrokenPipe.
      this.wasReset ||= error instanceof Deno.errors.ConnectionReset;
      throw error;
    }
  }

  /** Half-closes. Resolves also if the connection is gone already. */
  async closeWrite(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch {
      return; // reading reports how the connection ended
    }
    this.report({ type: "half-close" });
  }

  /** Reads one message of the server. */
  async receive(decoder: Decoder): Promise<Decoded> {
    for (;;) {
      const chunk = await this.next();
      if (chunk === null) return decoder.end();
      const decoded = decoder.push(chunk);
      if (decoded !== undefined) return decoded;
    }
  }

  async next(): Promise<Uint8Array | null> {
    const { beforeRead } = this.#options;
    if (beforeRead !== undefined) await beforeRead();
    const chunk = await this.#chunks.next();
    if (chunk !== null) {
      this.report({ type: "read", byteLength: chunk.length });
      return chunk;
    }
    if (this.wasReset) {
      throw new Deno.errors.ConnectionReset("connection reset");
    }
    this.report({ type: "end of file" });
    return null;
  }

  /** Whether reading keeps the process alive. By default it does. */
  setRef(isRef: boolean): void {
    if (this.#isClosed) return;
    if (isRef) this.#conn.socket?.ref?.();
    else this.#conn.socket?.unref?.();
  }

  /** The bytes of a complete reply, whose chunks are not used any more. */
  join({ chunks }: Decoded): Uint8Array {
    return this.#memory.join(chunks);
  }

  /** The reply is over: the next one starts in a small block again. */
  nextReply(hasRest: boolean): void {
    this.#memory.nextReply(hasRest);
  }

  /** Closes at once, whatever is pending. May be called again. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#clock.clearTimeout(this.#keepAliveTimer);
    // A stream has to be unlocked before it can be cancelled.
    this.#chunks[Symbol.dispose]();
    this.#conn.close();
    this.report({ type: "closed" });
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
