/**
 * The socket of a proxy's connection, which begins with a header.
 *
 * @module
 */
import { type BadProxyHeader, ProxyHeaderDecoder } from "./proxy_header.ts";
import type { ServerSocket } from "./socket.ts";
import { setNoDelay } from "./socket_options.ts";

/** The bytes of one read of the header. Most headers need 16 to 107. */
const READ_BYTES = 256;

const EMPTY = new Uint8Array(0);

/** A connection, without the header at its beginning. */
export class ProxiedSocket implements ServerSocket {
  /** The address of the client, once the header was read. */
  remoteAddr: Deno.Addr;
  readonly #conn: ServerSocket;
  /** Bytes after the header that were read with it. */
  #rest: Uint8Array = EMPTY;

  constructor(conn: ServerSocket) {
    this.#conn = conn;
    this.remoteAddr = conn.remoteAddr;
  }

  /**
   * Reads the header, before anything else is read. Returns why it is a bad one.
   *
   * @throws The error of the socket.
   */
  async readHeader(): Promise<BadProxyHeader | undefined> {
    const decoder = new ProxyHeaderDecoder();
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const count = await this.#conn.read(buffer);
      if (count === null) {
        return { problem: "an end of file before the end of the header" };
      }
      const header = decoder.push(buffer.subarray(0, count));
      if (header === undefined) continue;
      if ("problem" in header) return header;
      this.#rest = header.rest;
      this.remoteAddr = header.source ?? this.remoteAddr;
      return undefined;
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) return this.#conn.read(buffer);
    const chunk = this.#rest.subarray(0, buffer.length);
    buffer.set(chunk);
    // The memory of the header is not kept longer than its rest.
    this.#rest = chunk.length === this.#rest.length
      ? EMPTY
      : this.#rest.subarray(chunk.length);
    return Promise.resolve(chunk.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    this.#conn.close();
  }

  setNoDelay(): void {
    setNoDelay(this.#conn);
  }

  setKeepAlive(keepAlive?: boolean): void {
    this.#conn.setKeepAlive?.(keepAlive);
  }
}
