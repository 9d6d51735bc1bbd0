/**
 * The socket of one connection, on the server's side: reads that can be
 * interrupted, writes under a time limit, the drain, lingering, the close.
 *
 * @module
 */
import { BufferLimitError, type ReadBuffer } from "../framing/read_buffer.ts";
import type { Deadline } from "./deadline.ts";

/** Lingering lasts no longer than this, as with nginx's lingering_time. */
export const LINGER_TOTAL_MS = 30_000;

/**
 * All drains discard their bytes into one buffer: nobody reads it, so it does
 * not matter who wrote there last.
 */
const discarded = new Uint8Array(256 * 1024);

const EMPTY = new Uint8Array(0);

/** The reason of everything that is pending when the connection is closed. */
const CLOSED = new DOMException("The connection is closed", "AbortError");

/** What a wait resolves to when an error reply has pre-empted it. */
export class Interruption {
  /** Tells an interruption from what a decoder found. */
  readonly reason = "interrupted";
  /** The code of the error reply. */
  readonly errorCode: string;

  constructor(errorCode: string) {
    this.errorCode = errorCode;
  }
}

/** Work that is useless once the peer is gone. */
interface Abortable {
  abort(reason: unknown): void;
}

/** The promise of a read or a handler that the connection waits for. */
interface Waiter {
  // deno-lint-ignore no-explicit-any
  resolve(value: any): void;
  reject(reason: unknown): void;
}

/** One socket. It is closed exactly once. */
export class Transport {
  /** The number of bytes received, the discarded ones included. */
  bytesIn = 0;
  /** The number of bytes handed to the kernel. */
  bytesOut = 0;
  /** Whether the client has half-closed, or closed. */
  isEndOfFile = false;
  /** Whether a write, the half-close or the drain has failed. */
  replyLost = false;
  /** Whether we have closed the socket. */
  isClosed = false;
  readonly #conn: Deno.Conn;
  readonly #buffer: ReadBuffer;
  readonly #deadline: Deadline;
  readonly #idleTimeoutMs: number;
  /** A read that is pending: it cannot be cancelled. It does not reject. */
  #pendingRead: Promise<void> | undefined;
  #draining: Promise<void> | undefined;
  #isLingering = false;
  #waiter: Waiter | undefined;
  #gone: { reason: unknown } | undefined;
  #dependent: Abortable | undefined;

  constructor(
    conn: Deno.Conn,
    buffer: ReadBuffer,
    deadline: Deadline,
    idleTimeoutMs: number,
  ) {
    this.#conn = conn;
    this.#buffer = buffer;
    this.#deadline = deadline;
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  /** The address of the client. */
  get remoteAddr(): Deno.Addr {
    return this.#conn.remoteAddr;
  }

  /** Whether this error is the reason why the peer is gone. */
  isGone(error: unknown): boolean {
    return this.#gone !== undefined && this.#gone.reason === error;
  }

  /** Marks the peer as gone. The first reason wins and is returned. */
  markPeerGone(reason: unknown): unknown {
    if (this.#gone === undefined) {
      this.#gone = { reason };
      this.#dependent?.abort(reason);
    }
    return this.#gone.reason;
  }

  /** Aborts this once the peer is gone. One at a time. */
  onPeerGone(dependent: Abortable): void {
    this.#dependent = dependent;
    if (this.#gone !== undefined) dependent.abort(this.#gone.reason);
  }

  /**
   * Resolves what is waited for, a read or a promise, with an interruption. A
   * pending read stays pending: it cannot be cancelled without closing, and
   * becomes the first read of the drain.
   */
  interrupt(errorCode: string): void {
    this.#waiter?.resolve(new Interruption(errorCode));
  }

  /** Waits for a promise, or an interruption. Rejects when the peer is gone. */
  waitFor<T>(promise: Promise<T>): Promise<T | Interruption> {
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      if (this.#gone !== undefined) reject(this.#gone.reason);
      promise.then(resolve, reject);
    });
  }

  /** Reads one chunk; null at the end of file. Can be interrupted. */
  read(): Promise<Uint8Array | null | Interruption> {
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      let free;
      try {
        free = this.#buffer.beginRead();
      } catch (error) {
        if (!(error instanceof BufferLimitError)) throw error;
        return resolve(new Interruption("busy"));
      }
      this.#pendingRead = this.#conn.read(free).then((count) => {
        this.#pendingRead = undefined;
        this.#deadline.progress();
        const chunk = this.#buffer.endRead(count ?? 0);
        this.bytesIn += chunk.length;
        if (count === null) this.isEndOfFile = true;
        resolve(count === null ? null : chunk);
      }, (error) => {
        this.#pendingRead = undefined;
        this.#buffer.endRead(0);
        reject(this.markPeerGone(error));
      });
    });
  }

  /** Starts to read and discard whatever still arrives. */
  drain(): void {
    this.#draining = this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      // A read that was interrupted is the first of the drain.
      if (this.#pendingRead !== undefined) await this.#pendingRead;
      while (!this.isEndOfFile && this.#gone === undefined) {
        const count = await this.#conn.read(discarded);
        if (this.#isLingering) this.#deadline.progress();
        if (count === null) this.isEndOfFile = true;
        else this.bytesIn += count;
      }
    } catch (error) {
      if (this.isClosed) return;
      this.replyLost = true;
      this.#waiter?.reject(this.markPeerGone(error));
    }
  }

  /** Writes a complete chunk. Closes if none of it is taken for too long. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#deadline.start(this.#idleTimeoutMs, 0);
    try {
      let unsent = chunk;
      while (unsent.length > 0) {
        const count = await this.#conn.write(unsent);
        this.#deadline.progress();
        this.bytesOut += count;
        // A write may take less than it was given.
        unsent = count === unsent.length ? EMPTY : unsent.subarray(count);
      }
    } catch (error) {
      this.replyLost = true;
      throw this.markPeerGone(error);
    } finally {
      this.#deadline.stop();
    }
  }

  /**
   * Half-closes, and waits for the client's end of file, while the drain goes
   * on. If the end of file has arrived, the close serves as the half-close. A
   * close with unread bytes would be a reset, and a reset throws away the reply
   * that is still on its way (RFC 9293 3.6.1, RFC 9112 9.6, nginx's
   * lingering_close).
   *
   * @param idleMs The longest time without a byte, in ms; 0 is no limit.
   */
  async linger(idleMs: number): Promise<void> {
    try {
      // TLS has to end explicitly: a close alone is a truncation.
      if (this.isEndOfFile && !("handshake" in this.#conn)) {
        // Nothing is unread, and nothing can come: a close is enough. A client
        // that has closed looks like one that has half-closed. If the reply was
        // met by a reset that is here already, an empty write fails and reports
        // it; a reset that is still on its way is not seen.
        await this.#conn.write(EMPTY);
        return;
      }
      await this.#conn.closeWrite();
    } catch (error) {
      this.replyLost = true;
      throw this.markPeerGone(error);
    }
    if (this.isEndOfFile) return;
    this.#isLingering = true;
    this.#deadline.start(idleMs, LINGER_TOTAL_MS);
    await this.#draining;
  }

  /** Closes at once, whatever is pending. May be called again. */
  close(): void {
    this.#deadline.stop();
    if (this.isClosed) return;
    this.isClosed = true;
    this.#conn.close();
    const reason = this.markPeerGone(CLOSED);
    this.#waiter?.reject(reason);
  }

  /** Closes. Resolves when no read is pending any more. */
  async end(): Promise<void> {
    this.close();
    await this.#pendingRead;
    await this.#draining;
  }
}
