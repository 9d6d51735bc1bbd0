/**
 * The options of `serve()`, and what they resolve to.
 *
 * @module
 */
import type { Clock } from "../framing/clock.ts";
import { DEFAULT_MAX_BYTES, SERVER_MARKER } from "../framing/defaults.ts";
import { encode } from "../framing/encode.ts";
import { EndMarkerFraming } from "../framing/end_marker.ts";
import { endOfFileFraming } from "../framing/end_of_file.ts";
import type { Framing } from "../framing/framing.ts";
import { type Marker, toMarkerSet } from "../framing/marker.ts";
import { checkMaxBytes } from "../framing/max_bytes.ts";
import { netstringFraming } from "../framing/netstring.ts";
import { BufferPool, poolBytesFor } from "./buffer_pool.ts";
import type { ConnectionOptions, ServerConnection } from "./connection.ts";
import { DeadlineTimer } from "./deadline.ts";
import type { Handler, Message, MessageInfo } from "./handler.ts";
import { Phases, shortestLimits } from "./phases.ts";
import type { ConversationReport } from "./report.ts";
import type { SharedLimits } from "./shared_counter.ts";

/** Options of `serve()`. Times are in ms; for them, 0 is no limit. */
export interface ServeOptions {
  /** The address to listen on. @default {"127.0.0.1"} */
  hostname?: string;
  /** The port; 0 chooses a free one: read it from `addr`. @default {4444} */
  port?: number;
  /** A certificate chain in PEM. With `key`, the server speaks TLS. */
  cert?: string;
  /** The private key of the certificate, in PEM. */
  key?: string;
  /**
   * The end marker of a message, or several: the earliest match ends the
   * message, and of two that end together the longer one.
   * @default {"SERVER WRONG MARKER"}
   */
  end?: Marker | readonly Marker[];
  /**
   * The end marker of every reply and error reply, which lets a client detect a
   * truncated one. By default the end of file ends a reply; with `keepAlive`,
   * the first marker of `end`.
   */
  replyEnd?: Marker;
  /**
   * Whether more messages may follow on the same connection. A client that
   * reads at the same time may send them ahead; they are answered in order. An
   * end of file between two messages ends the connection. @default {false}
   */
  keepAlive?: boolean;
  /**
   * The framing of messages and replies: `"end"`, an end marker; `"count"`, a
   * byte count in front, as netstrings have it. @default {"end"}
   */
  framing?: "end" | "count";
  /**
   * The maximum number of bytes in a message. A longer one gets
   * `ERROR:too large!` at once. @default {67108864}
   */
  maxBytes?: number;
  /**
   * The longest time without a byte received, or without a byte of the reply
   * accepted by the kernel. The first gets `ERROR:timed out!`; between two
   * messages (`keepAlive`) the server closes in silence. The second is closed;
   * what may lie in the kernel's buffer adds the time that it takes at
   * `minRate`. @default {30000}
   */
  idleTimeout?: number;
  /**
   * The longest time for a complete message. A slower one gets
   * `ERROR:timed out!`. @default {300000}
   */
  messageTimeout?: number;
  /**
   * After the reply, the longest time without another byte or the client's end
   * of file, before the server closes. An upload above `minRate` may go on for
   * up to 1 h. Above three quarters of `maxConnections` or `maxBufferedBytes`,
   * the limits are 5 s without a byte and 30 s in total. @default {20000}
   */
  lingerTimeout?: number;
  /**
   * The minimum rate of a client, in bytes a second, of an upload that is
   * discarded or a reply that is read. A slower client is closed once its time
   * limits have passed. @default {2000}
   */
  minRate?: number;
  /**
   * The maximum number of connections served at a time. For one more, the
   * connection that has lingered longest, a second at least, is closed. Up to
   * 256 more get `ERROR:busy!`; others wait in the backlog. @default {10000}
   */
  maxConnections?: number;
  /**
   * The maximum number of bytes that all messages together may hold, in slabs
   * of up to 1 MiB; more gets `ERROR:busy!`. An eighth is reserved for messages
   * of up to 128 KiB. At least what one message of `maxBytes` needs.
   * @default {1073741824}
   */
  maxBufferedBytes?: number;
  /**
   * The time that `shutdown()` gives open connections. After it, messages that
   * have arrived and are not answered get `ERROR:shutting down!`.
   * @default {10000}
   */
  grace?: number;
  /**
   * Whether other listeners that ask for it may share the port, each with
   * limits of its own; the kernel spreads the connections. Linux only, and with
   * `unstable: ["net"]` in `deno.json`. @default {false}
   */
  reusePort?: boolean;
  /** Aborts the server and all its connections at once. */
  signal?: AbortSignal;
  /** Called when the server listens. */
  onListen?: (addr: Deno.Addr) => void;
  /** Called after each conversation. May return a promise. */
  onConversation?: (report: ConversationReport) => unknown;
  /**
   * Called when a handler threw, other than an `ErrorReply`, or when its reply
   * cannot be sent, with the message and its info. The client gets
   * `ERROR:failed!`. By default the error is printed with `console.error()`.
   */
  onError?: (error: unknown, message: Message, info: MessageInfo) => void;
  /**
   * Called when a connection could not be accepted, for example without free
   * file descriptors (once until the next success), and when another callback
   * throws. The server goes on. By default such errors are ignored.
   */
  onAcceptError?: (error: unknown) => void;
}

/** Options of `serve()` on a Unix socket. */
export interface ServeUnixOptions extends ServeOptions {
  /**
   * The path of the socket, used instead of `hostname` and `port`. The server
   * removes the file when it closes, if it is still its own. See
   * `removeStaleSocket()` for the file of a server that crashed.
   */
  path: string;
}

/** Options of `serve()` wherever it listens. */
export type AnyServeOptions = ServeOptions & { path?: string | undefined };

/** A running server, similar to `Deno.HttpServer`. */
export interface Server<Addr extends Deno.Addr = Deno.NetAddr>
  extends AsyncDisposable {
  /** The address that the server listens on. */
  readonly addr: Addr;
  /** Resolves when the server has stopped listening and all connections ended. */
  readonly finished: Promise<void>;
  /**
   * Shuts down gracefully: answers messages that have arrived, refuses new
   * connections within a second, and lets open connections finish (see
   * `grace`). Resolves with `finished`: at once if no client is connected; 5 s
   * later if an idle client does not close, or `lingerTimeout` after its last
   * reply; at most 30 s after the grace period.
   * May be called again. Disposing of the server does the same.
   */
  shutdown(): Promise<void>;
  /** Keeps the process alive while the server listens: the default. */
  ref(): void;
  /** Lets the process end while the server listens. */
  unref(): void;
}

/** The limits that are numbers from 0, with their defaults. */
const LIMITS = {
  idleTimeout: 30_000,
  messageTimeout: 300_000,
  lingerTimeout: 20_000,
  minRate: 2000,
  grace: 10_000,
  maxConnections: 10_000,
  maxBufferedBytes: 2 ** 30,
};

/** Memory that a pool keeps when idle: enough for a message of 16 MiB. */
const KEEP_BYTES = 32 * 1024 * 1024;

/**
 * The value of a limit.
 *
 * @throws {RangeError} If it is not a number from 0.
 */
export function limitOf(
  options: AnyServeOptions,
  name: keyof typeof LIMITS,
): number {
  const value: unknown = options[name] ?? LIMITS[name];
  if (typeof value === "number" && value >= 0) return value;
  throw new RangeError(
    `Cannot use ${name} as a limit: it must be a number from 0, ` +
      `and is ${value}`,
  );
}

/** The codes of the error replies that a server with end markers sends. */
const ERROR_CODES = [
  "no end",
  "too large",
  "timed out",
  "busy",
  "failed",
  "shutting down",
];

/** The framings of messages and of replies. */
function toFramings(
  { framing = "end", end = SERVER_MARKER, replyEnd, keepAlive }: ServeOptions,
): { messageFraming: Framing; replyFraming: Framing } {
  if (framing === "count") {
    return { messageFraming: netstringFraming, replyFraming: netstringFraming };
  }
  if (framing !== "end") {
    throw new TypeError(
      `Cannot use ${framing} as framing: it must be "end" or "count"`,
    );
  }
  const messageFraming = new EndMarkerFraming(toMarkerSet(end));
  if (replyEnd === undefined && !keepAlive) {
    return { messageFraming, replyFraming: endOfFileFraming };
  }
  // With keep-alive no end of file ends a reply, so a marker has to.
  const replyFraming = replyEnd === undefined
    ? messageFraming
    : new EndMarkerFraming(toMarkerSet(replyEnd));
  for (const code of ERROR_CODES) {
    try {
      encode(`ERROR:${code}!`, replyFraming);
    } catch (cause) {
      throw new TypeError(
        `Cannot use the end marker of replies: ERROR:${code}! contains it`,
        { cause },
      );
    }
  }
  return { messageFraming, replyFraming };
}

/** @throws {RangeError} If not even one message of `maxBytes` could be read. */
function checkBuffers(
  maxBuffered: number,
  maxBytes: number,
  overheadBytes: number,
): void {
  if (maxBytes === Infinity) return;
  const neededBytes = poolBytesFor(maxBytes + overheadBytes);
  if (maxBuffered >= neededBytes) return;
  throw new RangeError(
    `Cannot use ${maxBuffered} as maxBufferedBytes: ` +
      `a message of ${maxBytes} bytes needs ${neededBytes}`,
  );
}

/** TCP keep-alive is worth a system call after this time, in ms. */
const KEEP_ALIVE_AFTER_MS = 5000;

function printError(error: unknown): void {
  console.error(error);
}

/** The part of a limit from which on the server is short of it. */
const SHORT_PART = 3 / 4;

/** The state of a server that its connections depend on. */
export interface ServerState {
  readonly clock: Clock;
  /** The limits of all threads. */
  readonly limits: SharedLimits;
  /** Connections that are open. */
  readonly open: ReadonlySet<ServerConnection>;
  /** Connections that wait for the client's end of file. */
  readonly lingering: Set<ServerConnection>;
  /** Whether the server wants connections to end soon. */
  isEnding(): boolean;
  /** Takes an error that a callback threw. */
  onCallbackError(error: unknown): void;
}

/**
 * Checks the options, and resolves what all connections share.
 *
 * @throws {TypeError | RangeError} If an option is not valid.
 */
export function resolveOptions(
  options: AnyServeOptions,
  handler: Handler,
  state: ServerState,
): ConnectionOptions {
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot serve with a handler that is ${typeof handler}`,
    );
  }
  const { maxBytes = DEFAULT_MAX_BYTES, onError = printError } = options;
  checkMaxBytes(maxBytes);
  const framings = toFramings(options);
  const { clock, limits, open, lingering } = state;
  const maxBuffered = limitOf(options, "maxBufferedBytes");
  checkBuffers(
    maxBuffered,
    maxBytes,
    framings.messageFraming.overheadBytes,
  );
  const times = {
    idleTimeoutMs: limitOf(options, "idleTimeout"),
    messageTimeoutMs: limitOf(options, "messageTimeout"),
    lingerTimeoutMs: limitOf(options, "lingerTimeout"),
    minRate: limitOf(options, "minRate"),
  };
  const pool = new BufferPool(
    maxBuffered,
    Math.min(KEEP_BYTES, maxBuffered / 8),
    limits.slabs,
    clock,
  );
  const shortBytes = limits.slabs.max * pool.slabBytes * (1 - SHORT_PART);
  const isShort = () =>
    state.isEnding() ||
    limits.connections.count >= limits.connections.max * SHORT_PART ||
    pool.freeBytes < shortBytes;
  const timer = new DeadlineTimer(
    shortestLimits(times),
    open,
    isShort,
    (isLast) => pool.trim(isLast),
    clock,
  );
  return {
    ...framings,
    keepAlive: options.keepAlive ?? false,
    maxBytes,
    handler,
    onError: (error, message, info) => {
      try {
        onError(error, message, info);
      } catch (callbackError) {
        state.onCallbackError(callbackError);
      }
    },
    clock,
    pool,
    timer,
    phases: new Phases(times, timer),
    keepAliveTicks: timer.ticksFor(KEEP_ALIVE_AFTER_MS),
    lingering,
  };
}
