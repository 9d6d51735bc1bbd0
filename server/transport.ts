/**
 * The server's end of one connection: reads that can be overtaken, writes
 * under a time limit, the drain, the half-close, lingering, the close.
 *
 * @module
 */
import type { Pieces, Room } from "../framing/chunk_reader.ts";
import { type Clock, type Expiring, Watch } from "./deadline.ts";

/** In all, lingering lasts no longer, in ms, as with nginx's lingering_time. */
export const LINGER_TOTAL = 30_000;

/**
 * Where all drains put what they drop. One for all of them: nobody looks at
 * it, so it does not matter who wrote there last.
 */
const dropped = new Uint8Array(256 * 1024);

const NOTHING = new Uint8Array(0);

/** What ends all waiting when the connection is closed. */
const OVER = new DOMException("The conversation is over", "AbortError");

/** One connection. It is closed once, by {@linkcode Connection.close}. */
export class Connection implements Pieces, Expiring {
  /** How long nothing may be written, in ms; 0 is no limit. */
  readonly #idleTimeout: number;
  readonly #conn: Deno.Conn;
  /** For reading: whoever reads starts it, and a read is its progress. */
  readonly watch: Watch;
  /** Where bytes are read to. */
  readonly #room: Room;
  /** How many bytes came, the dropped ones included. */
  bytesIn = 0;
  /** How many bytes were sent. */
  bytesOut = 0;
  /** The client is done sending. */
  endOfFile = false;
  /** A write, the half-close or the drain has failed. */
  lastWordLost = false;
  /** We have closed. */
  closed = false;
  /** Where a read that is under way puts its bytes: it cannot be cancelled. */
  pendingRoom: Uint8Array | undefined;
  /** That read, as it ends: it does not reject. */
  pendingRead: Promise<void> | undefined;
  #draining: Promise<void> | undefined;
  #lingering = false;
  #overtake: ((reason: unknown) => void) | undefined;
  #gone: { reason: unknown } | undefined;
  #onGone: ((reason: unknown) => void) | undefined;
  #onRead: (() => void) | undefined;

  constructor(
    conn: Deno.Conn,
    room: Room,
    idleTimeout: number,
    clock: Clock,
  ) {
    this.#conn = conn;
    this.#room = room;
    this.#idleTimeout = idleTimeout;
    this.watch = new Watch(clock);
  }

  /** Who is at the other end. */
  get remoteAddr(): Deno.Addr {
    return this.#conn.remoteAddr;
  }

  /** Whether this error says that nobody is there any more. */
  isGone(error: unknown): boolean {
    return this.#gone !== undefined && this.#gone.reason === error;
  }

  /** From now on there is nobody to tell: for this reason, if it is the first. */
  goneBy(reason: unknown): unknown {
    if (this.#gone === undefined) {
      this.#gone = { reason };
      this.#onGone?.(reason);
    }
    return this.#gone.reason;
  }

  /** Calls back once there is nobody to tell. */
  whenGone(callback: (reason: unknown) => void): void {
    if (this.#gone === undefined) this.#onGone = callback;
    else callback(this.#gone.reason);
  }

  /**
   * Rejects what is being waited for. A read is left where it is: it cannot
   * be cancelled without closing, and will be the first of the drain.
   */
  overtake(reason: unknown): void {
    // What the overtaken read brings is dropped: it begins no message.
    this.#onRead = undefined;
    this.#overtake?.(reason);
  }

  /** Waits for a promise, unless it is overtaken. */
  waitFor<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#overtake = reject;
      if (this.#gone !== undefined) reject(this.#gone.reason);
      promise.then(resolve, reject);
    });
  }

  /** One read, which can be overtaken. A connection's own count is trusted. */
  next(): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) => {
      this.#overtake = reject;
      const free = this.pendingRoom = this.#room.next();
      this.pendingRead = this.#conn.read(free).then((count) => {
        this.pendingRead = this.pendingRoom = undefined;
        this.watch.progress();
        this.#onRead?.();
        this.#onRead = undefined;
        if (count === null) {
          this.endOfFile = true;
          return resolve(null);
        }
        this.bytesIn += count;
        resolve(this.#room.take(count));
      }, (error) => {
        this.pendingRead = this.pendingRoom = undefined;
        reject(this.goneBy(error));
      });
    });
  }

  /**
   * From now on, another message is read.
   *
   * @param goesOn Whether it has begun in the block of the last.
   */
  startMessage(goesOn = false): void {
    if (!goesOn) this.#room.leaveBlock();
    this.#room.startMessage();
  }

  /** Calls back, once, when bytes have come or the client is done sending. */
  whenRead(callback: () => void): void {
    this.#onRead = callback;
  }

  /** From now on, reads and drops all that still comes. */
  drain(): void {
    this.#draining = this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      // A read that was overtaken is the first: it counts itself.
      if (this.pendingRead !== undefined) await this.pendingRead;
      while (!this.endOfFile && this.#gone === undefined) {
        const count = await this.#conn.read(dropped);
        if (this.#lingering) this.watch.progress();
        if (count === null) this.endOfFile = true;
        else this.bytesIn += count;
      }
    } catch (error) {
      if (this.closed) return;
      this.lastWordLost = true;
      this.overtake(this.goneBy(error));
    }
  }

  /** Writes all of it; closes when nothing is taken for `idleTimeout`. */
  async write(piece: Uint8Array): Promise<void> {
    this.watch.start(this.#idleTimeout, 0, this);
    try {
      let unsent = piece;
      while (unsent.length > 0) {
        const count = await this.#conn.write(unsent);
        this.watch.progress();
        this.bytesOut += count;
        unsent = count === unsent.length ? NOTHING : unsent.subarray(count);
      }
    } catch (error) {
      this.lastWordLost = true;
      throw this.goneBy(error);
    } finally {
      this.watch.rest();
    }
  }

  /**
   * Half-closes, and waits for the client's end of file; where that has come
   * already, leaves it to the close. A close with unread bytes would be a
   * reset, which throws away the reply that is still on its way (RFC 9293
   * 3.6.1, RFC 9112 9.6, nginx's lingering_close).
   *
   * @param idle How long without a byte, in ms; 0 is no limit.
   */
  async linger(idle: number): Promise<void> {
    try {
      // The end of TLS has to be said: a close alone is a truncation.
      if (this.endOfFile && !("handshake" in this.#conn)) {
        // Nothing is unread, nor ever will be: the close is half-close enough.
        // A client that closed looked like one that half-closed. If a reset has
        // met the reply already, a write of nothing fails, and tells; one that
        // is still on its way is not seen.
        await this.#conn.write(NOTHING);
        return;
      }
      await this.#conn.closeWrite();
    } catch (error) {
      this.lastWordLost = true;
      throw this.goneBy(error);
    }
    if (this.endOfFile) return;
    this.#lingering = true;
    this.watch.start(idle, LINGER_TOTAL, this);
    await this.#draining;
  }

  /** A time limit on writing or lingering is over. */
  expire(): void {
    this.close();
  }

  /** Closes at once, whatever is going on. May be called again. */
  close(): void {
    this.watch.rest();
    if (this.closed) return;
    this.closed = true;
    this.#conn.close();
    this.overtake(this.goneBy(OVER));
  }

  /** Closes. Resolves when no read is under way any more: then to nothing. */
  end(): Promise<void> | undefined {
    this.close();
    if (this.pendingRead === undefined) return this.#draining;
    return this.pendingRead.then(() => this.#draining);
  }
}
