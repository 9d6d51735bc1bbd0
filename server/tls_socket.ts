/**
 * The server's side of TLS on a socket, by `node:tls`: for what Deno's own TLS
 * cannot do, which are client certificates and certificates that change.
 *
 * The encrypted bytes pass through this module, in both directions, instead of
 * through a socket of `node:net`. A `TLSSocket` of Deno 2.9 does not stop the
 * socket below it when it is paused, so its memory would have no bound; and it
 * forgets an end of file that arrives while it is paused. Here it is never
 * paused: encrypted bytes are read only when plain ones are wanted.
 *
 * @module
 */
import { Duplex } from "node:stream";
import {
  createServer,
  type SecureContext,
  type TlsOptions,
  type TLSSocket,
} from "node:tls";
import type { ClientCertificate, ServerSocket } from "./socket.ts";
import { setNoDelay } from "./socket_options.ts";
import { toClientCertificate } from "./client_certificate.ts";

/** The longest time for a handshake, in ms. */
const HANDSHAKE_TIMEOUT_MS = 30_000;

/** The size of a read of encrypted bytes, which grows while reads fill it. */
const MIN_READ_BYTES = 2 * 1024;
const MAX_READ_BYTES = 64 * 1024;

/** A write takes no more than this, so that a slow reader is seen to read. */
const MAX_WRITE_BYTES = 64 * 1024;

/** Resolves in the next turn of the event loop. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** The encrypted side of a TLS connection, as `node:tls` wants it. */
class EncryptedStream extends Duplex {
  readonly #socket: ServerSocket;
  readonly #onError: (error: unknown) => void;
  #written: Promise<void> = Promise.resolve();

  constructor(socket: ServerSocket, onError: (error: unknown) => void) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#onError = onError;
  }

  /** Bytes are pushed when they have arrived. */
  override _read(): void {}

  /**
   * Writes to the socket, even when this stream has been destroyed: a
   * `TLSSocket` destroys it before it has written its last alert.
   */
  override write(bytes: Uint8Array, ...rest: unknown[]): boolean {
    const done = rest.at(-1);
    this.#written = this.#written.then(async () => {
      try {
        let unsent = bytes;
        while (unsent.length > 0) {
          unsent = unsent.subarray(await this.#socket.write(unsent));
        }
      } catch (error) {
        this.#onError(error);
      }
      if (typeof done === "function") done();
    });
    return true;
  }

  /** Resolves when nothing is left to write. */
  async flushed(): Promise<void> {
    let written;
    do {
      written = this.#written;
      await written;
    } while (written !== this.#written);
  }
}

/** What to resolve or reject, while somebody waits. */
interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** A TLS connection, with the interface of `Deno.TlsConn`. */
export class TlsSocket implements ServerSocket {
  clientCertificate: ClientCertificate | undefined;
  readonly #socket: ServerSocket;
  readonly #stream: EncryptedStream;
  #tls: TLSSocket | undefined;
  readonly #options: TlsOptions;
  readonly #handshakeTimeoutMs: number;
  readonly #handshake = Promise.withResolvers<void>();
  #hasBegun = false;
  #isHandshaking = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Decrypted bytes that nobody has read. */
  #plain: Uint8Array[] = [];
  #isEnded = false;
  #isClosed = false;
  #failure: { error: unknown } | undefined;
  #isReading = false;
  #readBytes = MIN_READ_BYTES;
  #reader: Waiter | undefined;
  readonly #writers = new Set<Waiter>();

  /**
   * Makes a connection whose handshake begins when it is first used. What comes
   * before TLS can still be read from the other socket.
   *
   * @param choose Chooses the certificate for the name that the client asks for;
   * the name is empty if it asks for none.
   * @param options What else `node:tls` needs to know.
   */
  constructor(
    socket: ServerSocket,
    choose: (name: string) => SecureContext,
    options: TlsOptions,
    handshakeTimeoutMs: number = HANDSHAKE_TIMEOUT_MS,
  ) {
    this.#socket = socket;
    this.#stream = new EncryptedStream(socket, (error) => this.#fail(error));
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
    // A failure is reported by whatever is called next.
    this.#handshake.promise.catch(() => {});
    this.#options = {
      ...options,
      // Without a certificate of its own, a server costs 0.01 ms instead of 0.9.
      SNICallback: (name, done) => done(null, choose(name)),
      allowHalfOpen: true,
      // Its timer would outlive a handshake that fails.
      handshakeTimeout: -1,
    };
  }

  /** Begins the handshake, at the first call. */
  #begin(): void {
    if (this.#hasBegun || this.#failure !== undefined) return;
    this.#hasBegun = true;
    // The messages of a handshake are small, and follow one another.
    setNoDelay(this.#socket);
    this.#timer = setTimeout(
      () => this.#refuse("The handshake has timed out"),
      this.#handshakeTimeoutMs,
    );
    // A server for one connection, which does not listen: it alone tells
    // whether the client's certificate is trusted.
    const server = createServer(this.#options);
    server.on("tlsClientError", (error: Error, tls: TLSSocket) => {
      const reason = tls.authorizationError;
      this.#refuse(
        reason ? `The client's certificate: ${reason}` : error.message,
      );
    });
    server.on("secureConnection", (tls) => this.#start(tls));
    server.emit("connection", this.#stream);
    this.#readOn();
  }

  get remoteAddr(): Deno.Addr {
    return this.#socket.remoteAddr;
  }

  handshake(): Promise<void> {
    this.#begin();
    return this.#handshake.promise;
  }

  setKeepAlive(keepAlive?: boolean): void {
    this.#socket.setKeepAlive?.(keepAlive);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.#begin();
    while (this.#plain.length === 0) {
      this.#throwIfFailed();
      if (this.#isEnded) return null;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#reader = { resolve, reject };
      this.#readOn();
      await promise;
    }
    const [chunk] = this.#plain as [Uint8Array];
    const taken = chunk.subarray(0, buffer.length);
    buffer.set(taken);
    if (taken.length === chunk.length) this.#plain.shift();
    else this.#plain[0] = chunk.subarray(taken.length);
    return taken.length;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#isHandshaking) await this.handshake();
    const part = bytes.subarray(0, MAX_WRITE_BYTES);
    if (part.length > 0) {
      await this.#wait((done) => this.#tls!.write(part, done));
    }
    return part.length;
  }

  /** Sends close_notify, and after it the end of TCP. */
  async closeWrite(): Promise<void> {
    if (this.#isHandshaking) await this.handshake();
    await this.#wait((done) => this.#tls!.end(done));
    // The alert is written in the same turn, after the callback.
    await nextTurn();
    await this.#stream.flushed();
    this.#throwIfFailed();
    await this.#socket.closeWrite();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
    this.#fail(new Deno.errors.Interrupted("The socket was closed"));
    this.#tls?.destroy();
    this.#stream.destroy();
  }

  /** Waits for a callback of the TLS socket, or for a failure. */
  async #wait(
    start: (done: (error?: Error | null) => void) => void,
  ): Promise<void> {
    this.#throwIfFailed();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const writer = { resolve, reject };
    this.#writers.add(writer);
    start((error) => error ? reject(toDenoError(error)) : resolve());
    try {
      await promise;
    } finally {
      this.#writers.delete(writer);
    }
    this.#throwIfFailed();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** The handshake has ended. */
  #start(tls: TLSSocket): void {
    this.#tls = tls;
    tls.on("error", (error) => this.#refuse(error.message));
    const certificate = tls.getPeerX509Certificate();
    if (certificate !== undefined) {
      if (!tls.authorized) {
        this.#refuse(`The client's certificate: ${tls.authorizationError}`);
        return;
      }
      this.clientCertificate = toClientCertificate(certificate);
    }
    // Not before: of a client that is refused, no byte is passed on.
    tls.on("data", (chunk: Uint8Array) => {
      this.#plain.push(chunk);
      this.#wakeReader();
    });
    tls.on("end", () => {
      this.#isEnded = true;
      this.#wakeReader();
    });
    this.#isHandshaking = false;
    clearTimeout(this.#timer);
    this.#handshake.resolve();
  }

  #wakeReader(): void {
    this.#reader?.resolve();
    this.#reader = undefined;
  }

  /** Passes encrypted bytes on, as long as the handshake or a reader wants them. */
  async #readOn(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (
        (this.#isHandshaking || this.#reader !== undefined) &&
        this.#failure === undefined && !this.#isEnded
      ) {
        const buffer = new Uint8Array(this.#readBytes);
        const count = await this.#socket.read(buffer);
        if (count === null) {
          // A close_notify may have come with the last bytes.
          await nextTurn();
          if (!this.#isEnded) this.#fail(endOfTcp());
          return;
        }
        const isFull = count === buffer.length;
        this.#readBytes = isFull
          ? Math.min(4 * this.#readBytes, MAX_READ_BYTES)
          : MIN_READ_BYTES;
        this.#stream.push(buffer.subarray(0, count));
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isReading = false;
    }
  }

  /** The client has broken the rules of TLS, or is not trusted. */
  async #refuse(reason: string): Promise<void> {
    // Its alert is written in this turn.
    await nextTurn();
    this.#fail(new Deno.errors.InvalidData(reason));
  }

  /** Ends all that waits. The first error wins. */
  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#isHandshaking = false;
    clearTimeout(this.#timer);
    this.#handshake.reject(error);
    this.#reader?.reject(error);
    for (const writer of this.#writers) writer.reject(error);
  }
}

function endOfTcp(): Error {
  return new Deno.errors.UnexpectedEof(
    "The client closed TCP without close_notify",
  );
}

/** Node's error of a socket, as the error of Deno that has the same meaning. */
function toDenoError(error: Error & { code?: string }): Error {
  return error.code === "ECONNRESET"
    ? new Deno.errors.ConnectionReset(error.message)
    : new Deno.errors.BrokenPipe(error.message);
}
