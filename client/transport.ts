/**
 * The socket of one connection, on the client's side, which reports each step.
 *
 * @module
 */
import type { Clock, Timer } from "../framing/clock.ts";
import type { Decoder } from "../framing/framing.ts";
import { freshBlocks, ReadBuffer } from "../framing/read_buffer.ts";
import type { Decoded } from "../framing/received.ts";
import type { SendEvent } from "./events.ts";

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

/** One socket, of a client. It is closed exactly once. */
export class ClientTransport {
  /**
   * Whether a write met a reset. The write takes the reset away: a read that
   * follows sees an end of file, which is not the server's.
   */
  wasReset = false;
  readonly #conn: Deno.Conn;
  readonly #options: TransportOptions;
  readonly #buffer = new ReadBuffer(freshBlocks, Infinity);
  readonly #clock: Clock;
  readonly #keepAliveTimer: Timer;
  #pendingRead: Promise<Uint8Array | null> | undefined;
  #hasWritten = false;
  #isClosed = false;

  constructor(conn: Deno.Conn, options: TransportOptions, clock: Clock) {
    this.#clock = clock;
    this.#conn = conn;
    this.#options = options;
    // The kernel then notices a server that is gone, and NATs do not forget the
    // connection: see docs/timers.md.
    this.#keepAliveTimer = clock.setTimeout(
      () => tcp(conn)?.setKeepAlive(true),
      KEEP_ALIVE_AFTER_MS,
    );
    clock.unrefTimer(this.#keepAliveTimer);
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
    // A second write must not wait for the acknowledgement of the first.
    if (this.#hasWritten) tcp(this.#conn)?.setNoDelay(true);
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

  /**
   * Reads one message of the server.
   *
   * @param rest Bytes that were read after the message before.
   */
  async receive(decoder: Decoder, rest: Uint8Array): Promise<Decoded> {
    let chunk = rest.length > 0 ? rest : await this.#nextChunk();
    while (chunk !== null) {
      const decoded = decoder.push(chunk);
      if (decoded !== undefined) return decoded;
      chunk = await this.#nextChunk();
    }
    return decoder.end();
  }

  /**
   * Starts to read, so that bytes and the end of the connection are noticed
   * between two messages. The next `receive()` goes on with this read.
   *
   * @returns The bytes; null at the end of file.
   */
  readAhead(): Promise<Uint8Array | null> {
    return this.#pendingRead ??= this.#read();
  }

  /** Whether reading keeps the process alive. By default it does. */
  setRef(isRef: boolean): void {
    if (this.#isClosed) return;
    const conn = this.#conn as Deno.TcpConn;
    if (isRef) conn.ref();
    else conn.unref();
  }

  /** The message is over: the next one starts in a small block again. */
  nextMessage(restBytes: number): void {
    this.#buffer.nextMessage(restBytes);
  }

  #nextChunk(): Promise<Uint8Array | null> {
    const reading = this.#pendingRead ?? this.#read();
    this.#pendingRead = undefined;
    return reading;
  }

  async #read(): Promise<Uint8Array | null> {
    await this.#options.beforeRead?.();
    const byteLength = await this.#conn.read(this.#buffer.beginRead());
    const chunk = this.#buffer.endRead(byteLength ?? 0);
    if (byteLength !== null) {
      this.report({ type: "read", byteLength });
      return chunk;
    }
    if (this.wasReset) {
      throw new Deno.errors.ConnectionReset("connection reset");
    }
    this.report({ type: "end of file" });
    return null;
  }

  /** Closes at once, whatever is pending. May be called again. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#clock.clearTimeout(this.#keepAliveTimer);
    this.#conn.close();
    this.report({ type: "closed" });
  }
}

/** The connection, if it is TCP, with TLS or without. */
function tcp(conn: Deno.Conn): Deno.TcpConn | undefined {
  return "setNoDelay" in conn ? conn as Deno.TcpConn : undefined;
}
