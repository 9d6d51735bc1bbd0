/**
 * Listen, accept, one conversation for each connection; limits and shutdown
 * of all of them.
 *
 * @module
 */
import { BlockPool } from "./blocks.ts";
import { LINGER_TOTAL } from "./connection.ts";
import {
  Conversation,
  type ConversationReport,
  type Terms,
} from "./conversation.ts";
import {
  DEFAULT_HOSTNAME,
  DEFAULT_MAX_BYTES,
  DEFAULT_PORT,
  SERVER_MARKER,
} from "./defaults.ts";
import { checkMaxBytes, type Marker, markerBytes } from "./recv_end.ts";
import type { Handler } from "./reply.ts";
import { EndMarkers } from "./search.ts";
import { Clock } from "./watch.ts";

/** Options of `serve()`. Times are milliseconds; 0 is no limit. */
export interface ServeOptions {
  /** Where to listen. @default {"127.0.0.1"} */
  hostname?: string;
  /** The port; 0 takes a free one: see `addr`. @default {4444} */
  port?: number;
  /** The end marker of a message. @default {"SERVER WRONG MARKER"} */
  end?: Marker;
  /**
   * How many bytes a message may have; more is `ERROR:too large!`, said at
   * once. @default {67108864} (64 MiB)
   */
  maxBytes?: number;
  /**
   * How long nothing may come, or nothing of the reply be taken. The first is
   * `ERROR:timed out!`; the second closes. @default {30000}
   */
  idleTimeout?: number;
  /**
   * How long a whole message may take; `ERROR:timed out!`.
   * @default {300000}
   */
  messageTimeout?: number;
  /**
   * How long, when all was said, to wait for another byte or the client's end
   * of file, before the close; in all 30 s, whatever comes.
   * @default {5000}
   */
  lingerTimeout?: number;
  /** How many may be served at a time; more hear `ERROR:busy!`. @default {10000} */
  maxConnections?: number;
  /**
   * How many bytes all messages together may hold; more is `ERROR:busy!`.
   * @default {1073741824} (1 GiB)
   */
  maxBufferedBytes?: number;
  /**
   * How long `shutdown()` lets conversations go on before it gives them the
   * last word `ERROR:shutting down!`. @default {10000}
   */
  grace?: number;
  /** Cuts the server and all its conversations at once. */
  signal?: AbortSignal;
  /** Called when the server listens. */
  onListen?: (addr: Deno.NetAddr) => void;
  /** Called after each conversation. */
  onConversation?: (report: ConversationReport) => void;
  /**
   * Called when a connection could not be accepted (no descriptor was left,
   * say; once until one can be again), and when `onConversation` throws. The
   * server goes on. Without it, nobody is told.
   */
  onError?: (error: unknown) => void;
}

/** A running server, as `Deno.HttpServer` is one. */
export interface Server extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** Resolves when it no longer listens and all conversations have ended. */
  readonly finished: Promise<void>;
  /**
   * Refuses new connections, lets open conversations finish (see `grace`),
   * and resolves with `finished`. May be called again.
   */
  shutdown(): Promise<void>;
  /** Keeps the process alive while the server listens: the default. */
  ref(): void;
  /** Lets the process end while the server listens. */
  unref(): void;
}

/** Blocks kept for reuse when idle, in bytes: enough for a 16 MiB message. */
const KEEP_BYTES = 32 * 1024 * 1024;

/**
 * How many may be told `ERROR:busy!` at a time. Beyond these, connections
 * wait unaccepted in the backlog, so that a flood costs nothing here.
 */
const BUSY_PLACES = 256;

/** How long to wait before accepting again after a failure, in ms. */
const ACCEPT_PAUSE = 100;

/** How long a shutdown goes on accepting from the backlog at most, in ms. */
const LAST_CALLS = 1000;

/** The server behind `serve()`. */
export class TcpServer implements Server {
  readonly addr: Deno.NetAddr;
  readonly finished: Promise<void>;
  readonly #options: ServeOptions;
  readonly #terms: Terms;
  readonly #maxConnections: number;
  readonly #grace: number;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Conversation>();
  readonly #onAbort = () => this.#cut();
  /** Ends the accept loop's wait for a place. */
  #onLeave: (() => void) | undefined;
  #accepted = 0;
  /** Shutting down. */
  #closing = false;
  /** The listener is closed. */
  #closed = false;
  #graceTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ServeOptions, handler: Handler) {
    options.signal?.throwIfAborted();
    const limit = (name: keyof ServeOptions & string, byDefault: number) =>
      checkLimit(name, options[name] as number | undefined ?? byDefault);
    const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    checkMaxBytes(maxBytes);
    this.#options = options;
    const idleTimeout = limit("idleTimeout", 30_000);
    const messageTimeout = limit("messageTimeout", 300_000);
    const lingerTimeout = limit("lingerTimeout", 5_000);
    const times = [idleTimeout, messageTimeout, lingerTimeout, LINGER_TOTAL];
    this.#terms = {
      ends: new EndMarkers([markerBytes(options.end ?? SERVER_MARKER)]),
      maxBytes,
      idleTimeout,
      messageTimeout,
      lingerTimeout,
      clock: new Clock(times),
      blocks: new BlockPool(limit("maxBufferedBytes", 2 ** 30), KEEP_BYTES),
      handler,
    };
    this.#maxConnections = limit("maxConnections", 10_000);
    this.#grace = limit("grace", 10_000);
    this.#listener = Deno.listen({
      hostname: options.hostname ?? DEFAULT_HOSTNAME,
      port: options.port ?? DEFAULT_PORT,
    });
    this.addr = this.#listener.addr;
    options.signal?.addEventListener("abort", this.#onAbort);
    this.finished = this.#acceptAll();
    options.onListen?.(this.addr);
  }

  shutdown(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#lastCalls();
      if (this.#grace > 0) this.#after(this.#grace, () => this.#hurry());
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

  /** Accepts until the listener is closed, whatever strangers do. */
  async #acceptAll(): Promise<void> {
    let told = false;
    while (!this.#closed) {
      if (this.#open.size >= this.#maxConnections + BUSY_PLACES) {
        await this.#someoneLeaves();
        continue;
      }
      try {
        this.#hold(await this.#listener.accept());
        told = false;
      } catch (error) {
        if (this.#closed) break;
        // A client that was gone before we got to it is no reason to pause:
        // twenty of them a second would then keep everybody waiting.
        if (isGoneClient(error)) continue;
        if (!told) this.#options.onError?.(error);
        told = true;
        await this.#someoneLeaves(ACCEPT_PAUSE);
      }
    }
    while (this.#open.size > 0) await this.#someoneLeaves();
    this.#terms.clock[Symbol.dispose]();
    clearTimeout(this.#graceTimer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  /** Holds a conversation. Never rejects. */
  async #hold(conn: Deno.TcpConn): Promise<void> {
    const conversation = new Conversation(conn, this.#terms);
    this.#accepted++;
    const busy = this.#open.size >= this.#maxConnections;
    this.#open.add(conversation);
    const report = await conversation.hold(busy ? "busy" : undefined);
    try {
      this.#options.onConversation?.(report);
    } catch (error) {
      this.#options.onError?.(error);
    }
    this.#open.delete(conversation);
    this.#onLeave?.();
  }

  /** Waits until a conversation ends; no longer than `most` ms, if given. */
  async #someoneLeaves(most?: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onLeave = resolve;
    const timer = most === undefined ? undefined : setTimeout(resolve, most);
    await promise;
    clearTimeout(timer);
    this.#onLeave = undefined;
  }

  /**
   * Closes the listener when nobody waits at it any more. To the kernel those
   * in the backlog are connected; closing at once would reset them.
   */
  async #lastCalls(): Promise<void> {
    const begun = performance.now();
    let accepted: number;
    do {
      accepted = this.#accepted;
      await new Promise((resolve) => setTimeout(resolve));
    } while (
      accepted < this.#accepted && performance.now() - begun < LAST_CALLS
    );
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closing = this.#closed = true;
    this.#listener.close();
    this.#onLeave?.();
  }

  /** The grace period ran out. */
  #hurry(): void {
    for (const conversation of this.#open) {
      conversation.interrupt("shutting down");
    }
    // Whoever is still busy then has a reply that has begun, or lingers.
    this.#after(LINGER_TOTAL, () => this.#cut());
  }

  #cut(): void {
    this.#close();
    for (const conversation of this.#open) conversation.cut();
  }

  #after(milliseconds: number, then: () => void): void {
    this.#graceTimer = setTimeout(then, milliseconds);
  }
}

function isGoneClient(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}

function checkLimit(name: string, value: number): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new RangeError(
    `Cannot use ${name} as a limit: it must be a number from 0, ` +
      `and is ${value}`,
  );
}
