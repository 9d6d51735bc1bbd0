/**
 * What `Deno.connect()` and `Deno.listen()` return, over a simulated socket.
 *
 * @module
 */
import { type Socket, SocketFailure } from "./socket.ts";
import type { Process } from "./virtual_time.ts";

/** A call that waits for the socket. */
interface Pending {
  /** Tries again. Undefined if it has to wait on. */
  attempt(): unknown;
  // deno-lint-ignore no-explicit-any
  resolve(value: any): void;
  reject(reason: unknown): void;
  isWoken: boolean;
}

/** A connection of a process. */
export class SimulatedConn {
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  readonly socket: Socket;
  readonly #process: Process;
  readonly #keepAliveMs: number;
  #reading: Pending | undefined;
  #writing: Pending | undefined;
  /** Called when the process has closed the connection. */
  onClose: () => void = () => {};

  /** @param keepAliveMs The time between two probes, if they are asked for. */
  constructor(
    socket: Socket,
    process: Process,
    localAddr: Deno.NetAddr,
    remoteAddr: Deno.NetAddr,
    keepAliveMs: number,
  ) {
    this.socket = socket;
    this.#process = process;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    this.#keepAliveMs = keepAliveMs;
    socket.onReadable = () => this.#retry(this.#reading);
    socket.onWritable = () => this.#retry(this.#writing);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reading !== undefined) throw new Error("Two reads at a time");
    if (buffer.length === 0) throw new Error("A read into an empty buffer");
    return this.#call((pending) => {
      this.#reading = pending;
    }, () => {
      const count = this.socket.read(buffer);
      if (count !== undefined) this.#reading = undefined;
      return count;
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#writing !== undefined) throw new Error("Two writes at a time");
    return this.#call((pending) => {
      this.#writing = pending;
    }, () => {
      const count = this.socket.write(bytes);
      if (count !== undefined) this.#writing = undefined;
      return count;
    });
  }

  closeWrite(): Promise<void> {
    return this.#call(() => {}, () => {
      this.socket.closeWrite();
      return null;
    });
  }

  close(): void {
    if (this.socket.isClosed) throw new Deno.errors.BadResource("Bad resource");
    // Deno half-closes when it drops the writing half, whatever is unread.
    this.socket.closeWrite();
    this.socket.close();
    for (const pending of [this.#reading, this.#writing]) {
      if (pending === undefined) continue;
      const reason = new Deno.errors.Interrupted("operation canceled");
      this.#process.wake(() => pending.reject(reason));
    }
    this.#reading = this.#writing = undefined;
    this.onClose();
  }

  setKeepAlive(): void {
    if (this.socket.isOver) throw new Error("Invalid argument (os error 22)");
    this.socket.keepAlive(this.#keepAliveMs);
  }

  setNoDelay(): void {}
  ref(): void {}
  unref(): void {}

  [Symbol.dispose](): void {
    if (!this.socket.isClosed) this.close();
  }

  /** Does something now if it can be done, and otherwise waits for it. */
  #call<T>(
    wait: (pending: Pending) => void,
    attempt: () => unknown,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.socket.isClosed) {
      reject(new Deno.errors.BadResource("Bad resource ID"));
      return promise;
    }
    const pending = { attempt, resolve, reject, isWoken: false };
    // Set before the attempt, which removes it when it succeeds.
    wait(pending);
    const settle = this.#settle(pending);
    if (settle === undefined) return promise;
    // What was done at once is known at once, or in the next turn.
    if (this.#process.random.chance(0.5)) settle();
    else this.#process.wake(settle);
    return promise;
  }

  /** Tries; returns how to tell the result, if there is one. */
  #settle(pending: Pending): (() => void) | undefined {
    try {
      const value = pending.attempt();
      if (value === undefined) return undefined;
      return () => pending.resolve(value);
    } catch (error) {
      this.#drop(pending);
      return () => pending.reject(toDenoError(error));
    }
  }

  #drop(pending: Pending): void {
    if (this.#reading === pending) this.#reading = undefined;
    if (this.#writing === pending) this.#writing = undefined;
  }

  /** Something happened to the socket: the process notices it soon. */
  #retry(pending: Pending | undefined): void {
    if (pending === undefined || pending.isWoken) return;
    pending.isWoken = true;
    this.#process.wake(() => {
      pending.isWoken = false;
      // It was interrupted meanwhile.
      if (pending !== this.#reading && pending !== this.#writing) return;
      this.#settle(pending)?.();
    });
  }
}

/** The error that Deno throws for a socket's. */
function toDenoError(error: unknown): unknown {
  if (!(error instanceof SocketFailure)) return error;
  switch (error.code) {
    case "reset":
      return new Deno.errors.ConnectionReset(
        "Connection reset by peer (os error 104)",
      );
    case "broken pipe":
      return new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
    case "timed out":
      return new Deno.errors.TimedOut("Connection timed out (os error 110)");
    case "not connected":
      return new Deno.errors.NotConnected(
        "Transport endpoint is not connected (os error 107)",
      );
  }
}
