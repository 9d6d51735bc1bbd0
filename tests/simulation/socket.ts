/**
 * A TCP socket as Linux has it, with the rules that matter for a reply: bounded
 * buffers, half-closes, and the resets that throw away what was sent.
 *
 * @module
 */
import { ByteBuffer } from "./byte_buffer.ts";
import { type Direction, GIVE_UP_MS, type Line } from "./line.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** What a host's kernel is like. */
export interface HostPlan {
  /** The largest number of bytes that wait to be acknowledged. */
  sendBufferBytes: number;
  /** The largest number of bytes that wait to be read. */
  receiveBufferBytes: number;
  /** Whether a reset throws away what was not read. On Linux it does not. */
  resetPurges: boolean;
}

/** The error that a socket reports once, to whichever call comes first. */
export type SocketError = "reset" | "broken pipe" | "timed out";

/** Thrown by a call on a socket, as a system call sets `errno`. */
export class SocketFailure extends Error {
  readonly code: SocketError | "not connected";

  constructor(code: SocketError | "not connected") {
    super(code);
    this.code = code;
  }
}

/** One end of a connection. */
export class Socket {
  peer!: Socket;
  readonly host: HostPlan;
  /** Called when a read may have a result. */
  onReadable: () => void = () => {};
  /** Called when a write may have a result. */
  onWritable: () => void = () => {};
  /** The number of bytes that the process has written. */
  writtenBytes = 0;
  /** The number of bytes that the process has read. */
  readBytes = 0;
  /** When bytes have arrived: the time, and the number of all until then. */
  readonly arrivals: { atMs: number; byteLength: number }[] = [];
  /** When the process has half-closed, or closed, in ms. */
  halfClosedAtMs = Infinity;
  closedAtMs = Infinity;
  /** When the process has last read bytes, in ms. */
  readAtMs = -Infinity;
  /** When bytes, or an acknowledgement of some, have last arrived, in ms. */
  activeAtMs = -Infinity;
  /** When the end of file has arrived, in ms. */
  endOfFileAtMs = Infinity;
  /** When a reset has arrived, or the kernel has given up, in ms. */
  brokenAtMs = Infinity;
  /** Whether the end of file has arrived. */
  gotEndOfFile = false;
  /** Whether the connection is over, in order or by a reset. */
  isOver = false;
  /** Whether a reset has arrived. */
  wasReset = false;
  /** Whether a reset was sent: whatever still arrives gets another. */
  hasReset = false;
  /** Whether bytes have arrived after the close, and met a reset. */
  hasMissed = false;
  /** Whether the process has closed the socket. */
  isClosed = false;
  error: SocketError | undefined;
  readonly #time: VirtualTime;
  readonly #out: Direction;
  readonly #trace: ((text: string) => void) | undefined;
  /**
   * What was written, and the peer has not read: first what has arrived, then
   * what is on the line, then what is not sent. What is lost for good, nothing
   * follows: it stays here, and is never read.
   */
  readonly #written = new ByteBuffer();
  /** Bytes of the peer that have arrived, and wait to be read. */
  receivedBytes = 0;
  #unsentBytes = 0;
  /** Bytes on the line. */
  #inFlightBytes = 0;
  #unacknowledgedBytes = 0;
  /** A write has filled the buffer: the next waits until a third is free. */
  #isFull = false;
  #isHalfClosed = false;
  #isEndOfFileSent = false;
  #isEndOfFileAcknowledged = false;
  /** Whether a proxy on the way holds the half-close back. */
  #isEndOfFileHeld = false;

  constructor(
    host: HostPlan,
    out: Direction,
    time: VirtualTime,
    trace: ((text: string) => void) | undefined,
  ) {
    this.host = host;
    this.#out = out;
    this.#time = time;
    this.#trace = trace;
  }

  /**
   * Reads what has arrived. Null at the end of file, undefined if there is
   * nothing yet.
   */
  read(buffer: Uint8Array): number | null | undefined {
    if (this.receivedBytes > 0) {
      const count = this.peer.#written.take(buffer, this.receivedBytes);
      this.receivedBytes -= count;
      this.readBytes += count;
      this.readAtMs = this.#time.nowMs;
      this.#trace?.(`reads ${count} bytes`);
      // The window opens again.
      if (this.peer.#unsentBytes > 0) {
        this.#out.carry(0, () => this.peer.#transmit());
      }
      return count;
    }
    // Linux: after an end of file it stays one, whatever else arrives.
    if (this.gotEndOfFile) return null;
    this.#throwError();
    return this.isOver ? null : undefined;
  }

  /** Accepts as many bytes as there is room for; undefined if there is none. */
  write(bytes: Uint8Array): number | undefined {
    this.#throwError();
    if (this.isOver || this.#isHalfClosed) {
      throw new SocketFailure("broken pipe");
    }
    if (bytes.length === 0) return 0;
    const { sendBufferBytes } = this.host;
    const free = sendBufferBytes - this.#unsentBytes -
      this.#unacknowledgedBytes;
    if (free <= 0 || (this.#isFull && free < sendBufferBytes / 3)) {
      this.#isFull = true;
      return undefined;
    }
    const count = Math.min(free, bytes.length);
    this.#isFull = count < bytes.length;
    this.#written.push(bytes.subarray(0, count));
    this.#unsentBytes += count;
    this.writtenBytes += count;
    this.#trace?.(`writes ${count} bytes`);
    this.#transmit();
    return count;
  }

  /** Sends an end of file after what was written. */
  closeWrite(): void {
    // On Linux it fails with ENOTCONN, and Deno takes that for success.
    if (this.isOver || this.#isHalfClosed) return;
    this.#isHalfClosed = true;
    this.halfClosedAtMs = this.#time.nowMs;
    this.#trace?.("half-closes");
    this.#transmit();
  }

  /**
   * Closes. What was written is still sent, unless there are unread bytes:
   * then it is a reset, and nothing more is sent (RFC 2525 2.17).
   */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.closedAtMs = this.#time.nowMs;
    if (this.isOver) return this.#trace?.("closes");
    if (this.receivedBytes > 0) {
      this.#trace?.(`closes with ${this.receivedBytes} unread bytes`);
      return this.reset();
    }
    this.#trace?.("closes");
    this.#isHalfClosed = true;
    if (this.#isEndOfFileHeld) this.#sendEndOfFile();
    else this.#transmit();
  }

  /** Resets the connection at once. */
  reset(): void {
    this.isClosed = true;
    if (this.isOver) return;
    this.#trace?.("sends a reset");
    this.hasReset = true;
    this.#end();
    this.#answerReset();
  }

  /** Has the kernel probe a silent peer, which keeps a NAT from forgetting. */
  keepAlive(everyMs: number): void {
    this.#time.at(this.#time.nowMs + everyMs, () => {
      if (this.isOver || this.isClosed) return;
      this.#out.carry(0, () => {
        if (this.peer.hasReset) this.peer.#answerReset();
      });
      if (this.#out.line.isForgotten) this.#giveUp(9 * 75_000);
      this.keepAlive(everyMs);
    });
  }

  /** The line to the peer. */
  get line(): Line {
    return this.#out.line;
  }

  #throwError(): void {
    const { error } = this;
    if (error === undefined) return;
    this.error = undefined;
    throw new SocketFailure(error);
  }

  #transmit(): void {
    const { line } = this.#out;
    while (!this.isOver && this.#unsentBytes > 0) {
      const { host, receivedBytes } = this.peer;
      const window = host.receiveBufferBytes - receivedBytes -
        this.#inFlightBytes;
      // The peer's next read opens it, once half of it is free (RFC 1122
      // 4.2.3.3).
      const { receiveBufferBytes } = host;
      if (window < Math.min(this.#unsentBytes, receiveBufferBytes / 2)) return;
      const largest = Math.min(
        this.#unsentBytes,
        window,
        line.plan.maxSegmentBytes,
      );
      const least = line.random.chance(0.5) ? 1 : largest;
      const byteLength = line.random.int(least, largest);
      this.#unsentBytes -= byteLength;
      this.#inFlightBytes += byteLength;
      this.#unacknowledgedBytes += byteLength;
      this.#out.carry(byteLength, () => {
        this.#inFlightBytes -= byteLength;
        this.peer.#arrive(byteLength);
      });
      if (line.isForgotten) return this.#giveUp(GIVE_UP_MS);
    }
    if (this.isOver || !this.#isHalfClosed || this.#unsentBytes > 0) return;
    if (this.#isEndOfFileSent) return;
    this.#isEndOfFileSent = true;
    if (line.plan.halfClose === "hold" && !this.isClosed) {
      this.#isEndOfFileHeld = true;
    } else this.#sendEndOfFile();
  }

  #sendEndOfFile(): void {
    this.#isEndOfFileHeld = false;
    this.#out.carry(0, () => this.peer.#meetEndOfFile());
    if (this.#out.line.isForgotten) this.#giveUp(GIVE_UP_MS);
  }

  /** No acknowledgement will come: after a while the kernel says so. */
  #giveUp(afterMs: number): void {
    this.#time.at(this.#time.nowMs + afterMs, () => {
      if (this.isOver) return;
      this.error = "timed out";
      this.brokenAtMs = this.#time.nowMs;
      this.#end();
    });
  }

  #arrive(byteLength: number): void {
    if (this.isOver) return this.#answerReset();
    if (this.isClosed) {
      this.#trace?.(`gets ${byteLength} bytes after its close`);
      this.hasMissed = true;
      return this.reset();
    }
    this.#trace?.(`gets ${byteLength} bytes`);
    this.activeAtMs = this.#time.nowMs;
    this.arrivals.push({
      atMs: this.#time.nowMs,
      byteLength: (this.arrivals.at(-1)?.byteLength ?? 0) + byteLength,
    });
    this.receivedBytes += byteLength;
    this.#out.carry(0, () => this.peer.#meetAcknowledgement(byteLength));
    this.onReadable();
  }

  #answerReset(): void {
    this.#out.carryReset(() => this.peer.#meetReset());
  }

  #meetAcknowledgement(byteLength: number): void {
    if (this.isOver) return;
    this.activeAtMs = this.#time.nowMs;
    this.#unacknowledgedBytes -= byteLength;
    const free = this.host.sendBufferBytes - this.#unsentBytes -
      this.#unacknowledgedBytes;
    if (this.#isFull && free >= this.host.sendBufferBytes / 3) {
      this.onWritable();
    }
    this.#transmit();
  }

  #meetEndOfFile(): void {
    if (this.hasReset) this.#answerReset();
    if (this.isOver) return;
    this.#trace?.("gets the end of file");
    this.gotEndOfFile = true;
    this.endOfFileAtMs = this.#time.nowMs;
    this.#out.carry(0, () => this.peer.#meetEndOfFileAcknowledgement());
    const { halfClose } = this.#out.line.plan;
    if (halfClose === "close" && !this.peer.gotEndOfFile) {
      // A proxy has closed both of its connections.
      this.peer.#meetEndOfFile();
      this.peer.isOver = true;
    }
    if (this.#isEndOfFileAcknowledged) this.#end();
    this.onReadable();
  }

  #meetEndOfFileAcknowledgement(): void {
    this.#isEndOfFileAcknowledged = true;
    if (this.gotEndOfFile) this.#end();
  }

  #meetReset(): void {
    if (this.isOver) return;
    this.wasReset = true;
    this.brokenAtMs = this.#time.nowMs;
    this.#trace?.("gets a reset");
    this.error = this.gotEndOfFile ? "broken pipe" : "reset";
    if (this.host.resetPurges) this.receivedBytes = 0;
    this.#end();
  }

  /** Nothing is sent any more; what has arrived can be read. */
  #end(): void {
    this.isOver = true;
    this.#unsentBytes = 0;
    this.onReadable();
    this.onWritable();
  }
}
