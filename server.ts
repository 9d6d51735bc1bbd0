/**
 * The server: listens, accepts, and runs one connection for each client. As a
 * script, `deno run -A server.ts`, a server that replies with each message
 * twice.
 *
 * @module
 */
import { type Clock, systemClock, type Timer } from "./framing/clock.ts";
import {
  DEFAULT_HOSTNAME,
  DEFAULT_PORT,
  LONGEST_TIMER_MS,
} from "./framing/defaults.ts";
import {
  type ConnectionOptions,
  ServerConnection,
} from "./server/connection.ts";
import { drainBacklog } from "./server/backlog.ts";
import type { Handler } from "./server/handler.ts";
import { newLimits, type SharedLimits } from "./server/limits.ts";
import { LinkedList } from "./server/linked_list.ts";
import { type AnyListener, isGoneClient } from "./server/listen.ts";
import type { ServerSocket } from "./server/socket.ts";
import { SocketFile } from "./server/socket_file.ts";
import { limitOf, resolveOptions } from "./server/options.ts";
import { SHORT_LINGER_TOTAL_MS } from "./server/phases.ts";
import { Places } from "./server/places.ts";
import type { Around } from "./server/report.ts";
import type {
  AnyServeOptions,
  ServeOptions,
  Server,
  ServeUnixOptions,
} from "./server/serve_options.ts";

export type { ServeOptions, Server, ServeUnixOptions };

/**
 * Serves messages over TCP, TLS or a Unix socket: reads each message to its end
 * marker, sends the handler's reply or an error reply, and closes after the
 * client's end of file or a time limit.
 *
 * @param options Where to listen, the marker, the limits, the callbacks.
 * @param handler Answers a message. By default, with the message twice.
 * @returns The server, which is listening.
 * @throws {TypeError} If `end` is empty, or another option is not valid.
 * @throws {RangeError} If a limit is not a number in its range.
 * @throws The reason of `signal`, if it is aborted already; and what
 * `Deno.listen` throws: `Deno.errors.AddrInUse`, `Deno.errors.NotCapable`, …
 *
 * @example A server and a client
 * ```ts
 * import { sendData, serve } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   { port: 0, end: "\n" },
 *   (message) => message.text().toUpperCase(),
 * );
 * const reply = await sendData("to be", { port: server.addr.port, end: "\n" });
 * assertEquals(reply.text(), "TO BE");
 * ```
 */
export function serve(handler?: Handler): Server;
/** Serves messages over a Unix socket. */
export function serve(
  options: ServeUnixOptions,
  handler?: Handler,
): Server<Deno.UnixAddr>;
/** Serves messages over TCP, with options. */
export function serve(options: ServeOptions, handler?: Handler): Server;
/** Serves messages over TCP, or over a Unix socket if there is a path. */
export function serve(
  options: ServeOptions & { path?: string | undefined },
  handler?: Handler,
): Server<Deno.Addr>;
export function serve(
  first: AnyServeOptions | Handler = {},
  second?: Handler,
): Server<Deno.Addr> {
  const options = typeof first === "function" ? {} : first;
  const handler = typeof first === "function" ? first : second;
  return new SocketServer(options, handler);
}

/** The pause before accepting again after a failure, in ms. */
const ACCEPT_PAUSE_MS = 100;

/** What a server is handed by a thread, or by a test. */
export interface ServerParts {
  /** Limits that other threads count along with. */
  readonly limits?: SharedLimits;
  /** A listener, used instead of the address in the options. */
  readonly listener?: AnyListener;
  /** A clock, used instead of this machine's. */
  readonly clock?: Clock;
  /** Called for each connection that was accepted. */
  readonly around?: Around;
}

/** The server that `serve()` returns. */
export class SocketServer implements Server<Deno.Addr> {
  readonly addr: Deno.Addr;
  readonly finished: Promise<void>;
  readonly #options: AnyServeOptions;
  readonly #resolved: ConnectionOptions;
  readonly #places: Places;
  readonly #graceMs: number;
  readonly #listener: AnyListener;
  /** The file of a Unix socket. */
  readonly #socketFile: SocketFile | undefined;
  readonly #open = new LinkedList<ServerConnection>();
  readonly #clock: Clock;
  readonly #around: Around | undefined;
  /** Connections accepted so far. */
  #accepted = 0;
  #isAccepting = false;
  #isShuttingDown = false;
  #isAborted = false;
  #graceExpired = false;
  #isClosed = false;
  #graceTimer: Timer | undefined;
  /** Ends the accept loop's wait for a connection to end. */
  #onConnectionEnd: (() => void) | undefined;
  readonly #onAbort = () => this.#abortAll();

  /** @param parts What is handed in, instead of made here. */
  constructor(
    options: AnyServeOptions,
    handler: Handler | undefined,
    parts: ServerParts = {},
  ) {
    options.signal?.throwIfAborted();
    const { limits = newLimits(options), clock = systemClock } = parts;
    this.#options = options;
    this.#clock = clock;
    this.#around = parts.around;
    this.#places = new Places(limits, clock);
    this.#resolved = resolveOptions(options, handler, {
      clock,
      limits,
      open: this.#open,
      places: this.#places,
      isEnding: () => this.#graceExpired,
      onCallbackError: (error) => this.#report(error),
    });
    this.#graceMs = limitOf(options, "grace");
    this.#listener = parts.listener ?? listen(options);
    this.addr = this.#listener.addr;
    if (options.path !== undefined) {
      this.#socketFile = new SocketFile(options.path);
    }
    options.signal?.addEventListener("abort", this.#onAbort);
    this.finished = this.#serve();
    try {
      options.onListen?.(this.addr);
    } catch (error) {
      this.#abortAll();
      throw error;
    }
  }

  /** The memory that messages are read into now, in bytes. */
  get leasedBytes(): number {
    return this.#resolved.pool.leasedBytes;
  }

  shutdown(): Promise<void> {
    if (!this.#isShuttingDown) {
      this.#isShuttingDown = true;
      for (const connection of this.#open) connection.finishSoon();
      this.#closeSoon();
      if (this.#graceMs > 0) {
        this.#after(this.#graceMs, () => this.#endGrace());
      }
    }
    return this.finished;
  }

  ref(): void {
    this.#listener.ref();
  }

  unref(): void {
    this.#listener.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #serve(): Promise<void> {
    await this.#acceptAll();
    this.#attempt(() => this.#socketFile?.afterClose());
    while (this.#open.size > 0) await this.#connectionEnd();
    this.#resolved.timer[Symbol.dispose]();
    this.#clock.clearTimeout(this.#graceTimer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  /** Accepts until the listener is closed, whatever clients do. */
  async #acceptAll(): Promise<void> {
    let isReported = false;
    while (!this.#isClosed) {
      if (!this.#places.canAccept()) {
        await this.#connectionEnd(ACCEPT_PAUSE_MS);
        continue;
      }
      try {
        this.#isAccepting = true;
        const conn = await this.#listener.accept();
        this.#isAccepting = false;
        this.#accepted++;
        this.#run(conn);
        isReported = false;
      } catch (error) {
        this.#isAccepting = false;
        if (this.#isClosed) break;
        // No pause after a client that left before it was accepted: twenty of
        // them a second would keep everybody else waiting.
        if (isGoneClient(error)) continue;
        // No descriptor is left, say. The server goes on, and reports it once.
        if (!isReported) this.#report(error);
        isReported = true;
        await this.#connectionEnd(ACCEPT_PAUSE_MS);
      }
    }
  }

  /** Runs a connection, beside all others. */
  #run(conn: ServerSocket): void {
    const connection = new ServerConnection(conn, this.#resolved);
    const entry = this.#open.add(connection);
    this.#resolved.timer.start();
    const hasPlace = this.#places.take(connection);
    const otherwise = this.#graceExpired ? "shutting down" : undefined;
    const refusal = hasPlace ? otherwise : "busy";
    if (this.#isShuttingDown) connection.finishSoon();
    // It was accepted in the turn in which the server was aborted.
    if (this.#isAborted) connection.abort();
    const running = this.#around === undefined
      ? connection.run(refusal)
      : this.#around(() => connection.run(refusal));
    running.then((report) => {
      this.#open.delete(entry);
      this.#places.release(connection);
      this.#onConnectionEnd?.();
      return this.#options.onConversation?.(report);
    }).catch((error) => this.#report(error));
  }

  /** Does what may fail without harm to the connections. */
  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#report(error);
    }
  }

  async #report(error: unknown): Promise<void> {
    try {
      await this.#options.onAcceptError?.(error);
    } catch {
      // The callback for errors has failed: there is no other to call.
    }
  }

  /** Waits until a connection ends; no longer than `maxMs`, if given. */
  async #connectionEnd(maxMs?: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onConnectionEnd = resolve;
    const timer = maxMs === undefined
      ? undefined
      : this.#clock.setTimeout(resolve, maxMs);
    await promise;
    this.#clock.clearTimeout(timer);
    this.#onConnectionEnd = undefined;
  }

  /** Closes the listener as soon as its backlog is empty. */
  async #closeSoon(): Promise<void> {
    // Without its file no client finds a Unix socket any more, and those in
    // the backlog are still accepted: unlike a port's, it comes to an end.
    this.#attempt(() => this.#socketFile?.remove());
    this.#listener.stop?.();
    await drainBacklog({
      accepted: () => this.#accepted,
      isAccepting: () => this.#isAccepting,
      isOver: () => this.#graceExpired || this.#isClosed,
      isStopped: this.#listener.stop !== undefined,
    }, this.#clock);
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isShuttingDown = this.#isClosed = true;
    this.#attempt(() => this.#socketFile?.beforeClose());
    this.#listener.close();
    this.#onConnectionEnd?.();
  }

  #endGrace(): void {
    this.#graceExpired = true;
    for (const connection of this.#open) connection.interrupt("shutting down");
    // Connections that remain have a reply under way, or linger.
    this.#after(SHORT_LINGER_TOTAL_MS, () => this.#abortAll());
  }

  #abortAll(): void {
    this.#isAborted = true;
    this.#close();
    for (const connection of this.#open) connection.abort();
  }

  #after(ms: number, callback: () => void): void {
    // Beyond the longest timer there is no limit.
    if (ms > LONGEST_TIMER_MS) return;
    this.#graceTimer = this.#clock.setTimeout(callback, ms);
  }
}

/** Listens where the options say. Throws what Deno throws. */
function listen(options: AnyServeOptions): AnyListener {
  const { path, cert, key, reusePort } = options;
  if (path !== undefined) return Deno.listen({ transport: "unix", path });
  const where = {
    hostname: options.hostname ?? DEFAULT_HOSTNAME,
    port: options.port ?? DEFAULT_PORT,
    ...(reusePort && { reusePort }),
  };
  return cert === undefined || key === undefined
    ? Deno.listen(where)
    : Deno.listenTls({ ...where, cert, key });
}

if (import.meta.main) {
  // Resolved at run time, so that the module graph of a library user has no
  // script in it. Not awaited: the script imports this module.
  import(import.meta.resolve("./cli/server_script.ts")).then(
    (script) => script.run(),
    (error) => {
      console.error(error.message);
      Deno.exitCode = 2;
    },
  );
}
