/**
 * The socket of one connection, on the client's side, which reports each step.
 *
 * @module
 */
import type { Decoder } from "../framing/framing.ts";
import { freshBlocks, ReadBuffer } from "../framing/read_buffer.ts";
import type { Decoded } from "../framing/received.ts";
import type { SendEvent } from "./events.ts";

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
  #isClosed = false;

  constructor(conn: Deno.Conn, options: TransportOptions) {
    this.#conn = conn;
    this.#options = options;
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
    let chunk = rest.length > 0 ? rest : await this.#read();
    while (chunk !== null) {
      const decoded = decoder.push(chunk);
      if (decoded !== undefined) return decoded;
      chunk = await this.#read();
    }
    return decoder.end();
  }

  /** The message is over: the next one starts in a small block again. */
  nextMessage(restBytes: number): void {
    this.#buffer.nextMessage(restBytes);
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
    this.#conn.close();
    this.report({ type: "closed" });
  }
}
