/**
 * The socket of one connection, on the server's side: reads that can be
 * interrupted, writes under a time limit, the drain, lingering, the close.
 *
 * @module
 */
import type { ReadMemory } from "../framing/chunk_reader.ts";
import { BufferLimitError } from "../framing/read_buffer.ts";
import type { Deadline } from "./deadline.ts";
import { type Interruption, Wait, type Waiter } from "./interruption.ts";
import type { Phases } from "./phases.ts";
import { isEndOfTcp } from "./socket_errors.ts";
import type { ClientIdentity, ServerSocket } from "./socket.ts";
import { setKeepAlive, setNoDelay } from "./socket_options.ts";
import { WriteQueue } from "./write_queue.ts";

/**
 * All drains discard their bytes into one buffer: nobody reads it, so it does
 * not matter who wrote there last.
 */
const discarded = new Uint8Array(256 * 1024);

const EMPTY = new Uint8Array(0);

/** The reason of everything that is pending when the connection is closed. */
const CLOSED = new DOMException("The connection is closed", "AbortError");

/** The reason if an end of file counts as the client's leaving. */
export const CANCELLED = new DOMException("The client has left", "AbortError");

/** Work that is useless once the peer is gone. */
interface Abortable {
  abort(reason: unknown): void;
}

/** One socket. It is closed exactly once. */
export class Transport {
  /** The number of bytes received, the discarded ones included. */
  bytesIn = 0;
  /** The number of bytes handed to the kernel. */
  bytesOut = 0;
  /** Whether the client has half-closed, or closed. */
  isEndOfFile = false;
  /** Whether an end of file means that the client has left. */
  isEndOfFileCancel = false;
  /** Whether a reply was probably lost. */
  replyLost = false;
  /** Whether we have closed the socket. */
  isClosed = false;
  readonly #conn: ServerSocket;
  readonly #buffer: ReadMemory;
  readonly #deadline: Deadline;
  readonly #writeDeadline: Deadline;
  readonly #phases: Phases;
  /** Small replies that have not been written yet. */
  readonly queued = new WriteQueue();
  #hasWritten = false;
  #isNoDelay = false;
  /** A read that is pending: it cannot be cancelled. It does not reject. */
  #pendingRead: Promise<void> | undefined;
  #pendingWrite: Promise<number> | undefined;
  #draining: Promise<void> | undefined;
  #isLingering = false;
  readonly #wait = new Wait();
  #gone: { reason: unknown } | undefined;
  #dependent: Abortable | undefined;

  /**
   * @param deadline The time limits of reading and lingering.
   * @param writeDeadline Those of writing: the same object, unless the server
   * reads and writes at the same time.
   */
  constructor(
    conn: ServerSocket,
    buffer: ReadMemory,
    deadline: Deadline,
    phases: Phases,
    writeDeadline: Deadline = deadline,
  ) {
    this.#conn = conn;
    this.#buffer = buffer;
    this.#phases = phases;
    this.#deadline = deadline;
    this.#writeDeadline = writeDeadline;
  }

  /** Who the client is. */
  get client(): ClientIdentity {
    return this.#conn;
  }

  /** Whether this error is the reason why the peer is gone. */
  isGone(error: unknown): boolean {
    return this.#gone !== undefined && this.#gone.reason === error;
  }

  /** @throws The reason why the peer is gone, if it is. */
  throwIfGone(): void {
    if (this.#gone !== undefined) throw this.#gone.reason;
  }

  /** Whether the reply is sent, and the client's end of file is awaited. */
  get isLingering(): boolean {
    return this.#isLingering;
  }

  /** Has the kernel probe a silent peer. Returns false if that failed for now. */
  keepAlive(): boolean {
    return this.isClosed || setKeepAlive(this.#conn);
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
    this.#wait.interrupt(errorCode);
  }

  /** Forgets an interruption that came while nothing was waited for. */
  forgetInterruption(): void {
    this.#wait.forgetInterruption();
  }

  /**
   * Rejects the read that a conversation function has left, if there is one, and
   * forgets an interruption.
   */
  endWait(reason: unknown): void {
    this.#wait.forgetInterruption();
    this.#wait.fail(reason);
  }

  /** Waits for a promise, or an interruption. Rejects when the peer is gone. */
  waitFor<T>(promise: Promise<T>): Promise<T | Interruption> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter<T> = { resolve, reject };
      promise.then(
        (value) => this.#wait.end(waiter) && resolve(value),
        (error) => this.#wait.end(waiter) && reject(error),
      );
      if (this.#gone !== undefined) reject(this.#gone.reason);
      else this.#wait.begin(waiter);
    });
  }

  /** Reads one chunk; null at the end of file. Can be interrupted. */
  read(): Promise<Uint8Array | null | Interruption> {
    return new Promise((resolve, reject) => this.readTo({ resolve, reject }));
  }

  /**
   * Reads one chunk, and tells the waiter: null at the end of file. It takes no
   * promise, which each of many silent connections would keep. The waiter may be
   * told before this returns. Does not throw.
   */
  readTo(waiter: Waiter<Uint8Array | null>): void {
    if (!this.#wait.begin(waiter)) return;
    let free;
    try {
      free = this.#buffer.beginRead();
    } catch (error) {
      const isFull = error instanceof BufferLimitError;
      return isFull ? this.#wait.interrupt("busy") : this.#wait.fail(error);
    }
    this.#pendingRead = this.#conn.read(free).then((count) => {
      this.#pendingRead = undefined;
      this.#deadline.progress();
      const chunk = this.#buffer.endRead(count ?? 0);
      this.bytesIn += chunk.length;
      if (count === null) this.isEndOfFile = true;
      if (this.#wait.end(waiter)) waiter.resolve(count === null ? null : chunk);
    }, (error) => {
      this.#pendingRead = undefined;
      this.#buffer.endRead(0);
      if (this.#draining !== undefined && isEndOfTcp(error)) {
        this.isEndOfFile = true;
        return;
      }
      const reason = this.markPeerGone(error);
      if (this.#wait.end(waiter)) waiter.reject(reason);
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
        if (count === null) {
          this.#onEndOfFile();
        } else {
          this.bytesIn += count;
          if (this.#isLingering) {
            this.#deadline.progress(count * this.#phases.ticksPerByte);
          }
        }
      }
    } catch (error) {
      if (this.isClosed) return;
      if (isEndOfTcp(error)) return this.#onEndOfFile();
      this.#fail(error);
    }
  }

  /** The client has half-closed or closed, with TLS or without ending it. */
  #onEndOfFile(): void {
    this.isEndOfFile = true;
    if (this.isEndOfFileCancel) this.#fail(CANCELLED);
  }

  #fail(error: unknown): void {
    this.replyLost = true;
    this.#wait.fail(this.markPeerGone(error));
  }

  /**
   * Queues a small reply, to be written together with the next ones: with TCP
   * each write of its own may wait for a delayed acknowledgement of the one
   * before (RFC 896, RFC 1122 4.2.3.2), and with TLS it is a record.
   */
  queue(chunk: Uint8Array): void {
    this.queued.push(chunk);
  }

  /** Writes what is queued. */
  flush(): Promise<void> | undefined {
    const chunk = this.queued.take();
    return chunk === undefined ? undefined : this.#writeNow(chunk);
  }

  /** Writes a complete chunk, after what is queued. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.queued.byteLength > 0) await this.flush();
    await this.#writeNow(chunk);
  }

  async #writeNow(chunk: Uint8Array): Promise<void> {
    const { ticksPerByte, writing } = this.#phases;
    // A second write must not wait for the acknowledgement of the first. The
    // only write of a short conversation needs no system call for that.
    if (this.#hasWritten && !this.#isNoDelay) {
      this.#isNoDelay = true;
      setNoDelay(this.#conn);
    }
    this.#hasWritten = true;
    const deadline = this.#writeDeadline;
    deadline.start(writing, this.bytesOut * ticksPerByte);
    try {
      let unsent = chunk;
      while (unsent.length > 0) {
        const count = await (this.#pendingWrite = this.#conn.write(unsent));
        deadline.progress(count * ticksPerByte);
        // A client that only listens is not idle.
        if (deadline !== this.#deadline) this.#deadline.progress();
        this.bytesOut += count;
        // A write may take less than it was given.
        unsent = count === unsent.length ? EMPTY : unsent.subarray(count);
      }
    } catch (error) {
      this.replyLost = true;
      throw this.markPeerGone(error);
    } finally {
      this.#pendingWrite = undefined;
      deadline.stop();
    }
  }

  /**
   * Ends a connection whose client has ended already: nothing is unread, and
   * nothing can come, so the close serves as the half-close. TLS has to end
   * explicitly: a close alone is a truncation.
   *
   * A client that has closed looks like one that has half-closed. If the reply
   * was met by a reset that is here already, an empty write fails, and the
   * reply counts as lost; a reset that is still on its way is not seen.
   *
   * @param isReported Whether anybody is told about a lost reply: the empty
   * write takes up to a tenth of a short conversation.
   */
  endAfterClient(isReported: boolean): Promise<unknown> | undefined {
    const isTls = "handshake" in this.#conn;
    if (!isTls && !isReported) return undefined;
    const ending = isTls ? this.#conn.closeWrite() : this.#conn.write(EMPTY);
    return ending.catch((error) => this.#failToEnd(error));
  }

  /**
   * Half-closes, and waits for the client's end of file, while the drain goes
   * on. A close with unread bytes would be a reset, and a reset throws away the
   * reply that is still on its way (RFC 9293 3.6.1, RFC 9112 9.6, nginx's
   * lingering_close).
   */
  async linger(): Promise<void> {
    await this.#conn.closeWrite().catch((error) => this.#failToEnd(error));
    if (this.isEndOfFile) return;
    this.#isLingering = true;
    this.#deadline.start(this.#phases.lingering);
    await this.#draining;
  }

  #failToEnd(error: unknown): never {
    this.replyLost = true;
    throw this.markPeerGone(error);
  }

  /** Closes at once, whatever is pending. May be called again. */
  close(): void {
    this.#deadline.stop();
    this.#writeDeadline.stop();
    if (this.isClosed) return;
    this.isClosed = true;
    this.#conn.close();
    this.#wait.fail(this.markPeerGone(CLOSED));
  }

  /** Closes. Resolves when no read and no write is pending any more. */
  async end(): Promise<void> {
    this.close();
    if (!this.isEndOfFile) {
      await this.#pendingRead;
      await this.#draining;
    }
    // What it has written counts, though nobody waits for it any more.
    await this.#pendingWrite?.catch(() => {});
  }
}
