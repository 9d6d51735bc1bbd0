/**
 * Sockets and listeners of `node:net`, with the interface of Deno's own: for
 * what Deno's own cannot do, which is to listen on a socket that another program
 * has opened.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createServer, type Server, type Socket } from "node:net";
import type { AnyListener } from "./listen.ts";
import type { ServerSocket } from "./socket.ts";

/** A write takes no more than this, so that a slow reader is seen to read. */
const MAX_WRITE_BYTES = 64 * 1024;

/**
 * `node:net` accepts every connection at once. So many wait here while the
 * server accepts none; more are closed.
 */
export const MAX_WAITING = 512;

/** The pause between two calls of `#listenAgain()`, in ms. */
const LISTEN_AGAIN_MS = 500;

/** The error of Deno that means the same as one of `node:net`. */
function toDenoError(error: Error & { code?: string }): Error {
  switch (error.code) {
    case "ECONNRESET":
      return new Deno.errors.ConnectionReset(error.message);
    case "EPIPE":
      return new Deno.errors.BrokenPipe(error.message);
    case "ETIMEDOUT":
      return new Deno.errors.TimedOut(error.message);
  }
  return error;
}

/** Rejects while somebody waits, when the socket breaks. */
type Reject = (error: unknown) => void;

/** A socket of `node:net`, with the interface of `Deno.TcpConn`. */
export class NodeSocket implements ServerSocket {
  readonly remoteAddr: Deno.Addr;
  readonly #socket: Socket;
  #isEnded = false;
  #isClosed = false;
  #failure: { error: unknown } | undefined;
  #wakeReader: (() => void) | undefined;
  readonly #waiting = new Set<Reject>();

  constructor(socket: Socket, remoteAddr: Deno.Addr) {
    this.#socket = socket;
    this.remoteAddr = remoteAddr;
    const wake = () => {
      this.#wakeReader?.();
      this.#wakeReader = undefined;
    };
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#isEnded = true;
      wake();
    });
    socket.on("error", (error) => this.#fail(toDenoError(error)));
    socket.on("close", () => {
      if (!this.#isEnded) {
        this.#fail(new Deno.errors.ConnectionReset("The socket has closed"));
      }
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#isClosed) this.#throwIfFailed();
      const { readableLength } = this.#socket;
      if (readableLength > 0) {
        const count = Math.min(buffer.length, readableLength);
        buffer.set(this.#socket.read(count) as Uint8Array);
        return count;
      }
      // What arrived before a reset is read first, as with Deno's own.
      this.#throwIfFailed();
      if (this.#isEnded) return null;
      await this.#wait((resolve) => {
        this.#wakeReader = resolve;
        // At the end of what was buffered, it alone asks for more.
        this.#socket.read(0);
      });
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    const part = bytes.subarray(0, MAX_WRITE_BYTES);
    this.#throwIfFailed();
    if (part.length === 0) return 0;
    await this.#wait((resolve, reject) => {
      const chunk = Buffer.from(part.buffer, part.byteOffset, part.length);
      this.#socket.write(chunk, (error) => {
        if (error) reject(toDenoError(error));
        else resolve();
      });
    });
    return part.length;
  }

  closeWrite(): Promise<void> {
    this.#throwIfFailed();
    return this.#wait((resolve) => this.#socket.end(resolve));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#fail(new Deno.errors.Interrupted("The socket was closed"));
    this.#socket.destroy();
  }

  setNoDelay(noDelay = true): void {
    this.#socket.setNoDelay(noDelay);
  }

  setKeepAlive(keepAlive = true): void {
    this.#socket.setKeepAlive(keepAlive);
  }

  /** Waits, and rejects when the socket breaks meanwhile. */
  async #wait(
    start: (resolve: () => void, reject: Reject) => void,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(reject);
    try {
      start(resolve, reject);
      await promise;
    } finally {
      this.#waiting.delete(reject);
    }
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Ends all that waits. The first error wins. */
  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    for (const reject of this.#waiting) reject(error);
  }
}

/** A listener on a socket that this process has inherited. */
export class InheritedListener implements AnyListener {
  readonly addr: Deno.Addr;
  readonly #server: Server;
  readonly #waiting: NodeSocket[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #acceptor: PromiseWithResolvers<ServerSocket> | undefined;
  #isClosed = false;

  /**
   * Listens on an inherited socket.
   *
   * @param where The descriptor, which the listener owns; in tests, an address.
   * @throws {Error} If it is not a listening socket.
   */
  static async open(
    where: { fd: number } | { host: string; port: number },
  ): Promise<InheritedListener> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(where, resolve);
    await promise;
    return new InheritedListener(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    const address = server.address();
    this.addr = typeof address === "object" && address !== null
      ? { transport: "tcp", hostname: address.address, port: address.port }
      : { transport: "unix", path: address ?? "" };
    server.on("connection", (socket) => this.#add(socket));
    this.#timer = setInterval(() => this.#listenAgain(), LISTEN_AGAIN_MS);
    Deno.unrefTimer(this.#timer as unknown as number);
    server.on("error", (error) => {
      this.#acceptor?.reject(error);
      this.#acceptor = undefined;
    });
  }

  accept(): Promise<ServerSocket> {
    const socket = this.#waiting.shift();
    if (socket !== undefined) return Promise.resolve(socket);
    if (this.#isClosed) {
      return Promise.reject(new Deno.errors.BadResource("Listener is closed"));
    }
    this.#acceptor = Promise.withResolvers();
    return this.#acceptor.promise;
  }

  /**
   * Takes no further connections: they wait in the kernel, for the next process
   * that has the socket. Those that were taken can still be accepted.
   */
  stop(): void {
    clearInterval(this.#timer);
    this.#server.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.stop();
    this.#acceptor?.reject(new Deno.errors.BadResource("Listener is closed"));
    for (const socket of this.#waiting) socket.close();
  }

  ref(): void {
    this.#server.ref();
  }

  unref(): void {
    this.#server.unref();
  }

  /**
   * Has Deno look for connections again. After an accept that failed, as without
   * a free descriptor, Deno 2.9 never does so by itself, and reports no error.
   */
  #listenAgain(): void {
    if (this.addr.transport !== "tcp") return;
    const { _handle: handle } = this.#server as unknown as {
      _handle?: { listen?(backlog: number): number };
    };
    // The socket listens already: the length of its queue stays.
    handle?.listen?.(MAX_WAITING);
  }

  #add(socket: Socket): void {
    const remoteAddr = remoteAddrOf(socket, this.addr);
    // Without an address, the client has reset the connection already.
    if (remoteAddr === undefined || this.#waiting.length >= MAX_WAITING) {
      socket.destroy();
      return;
    }
    const accepted = new NodeSocket(socket, remoteAddr);
    if (this.#acceptor === undefined) this.#waiting.push(accepted);
    else this.#acceptor.resolve(accepted);
    this.#acceptor = undefined;
  }
}

/** The address of a client; undefined if it is gone. */
function remoteAddrOf(
  { remoteAddress, remotePort }: Socket,
  listening: Deno.Addr,
): Deno.Addr | undefined {
  if (listening.transport === "unix") return listening;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  // A socket for both versions of IP shows an IPv4 address inside an IPv6 one.
  const hostname = remoteAddress.replace(/^::ffff:(?=\d+\.)/, "");
  return { transport: "tcp", hostname, port: remotePort };
}
