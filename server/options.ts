/**
 * The options of `serve()`, and what they resolve to.
 *
 * @module
 */
import { DEFAULT_MAX_BYTES, SERVER_MARKER } from "../framing/defaults.ts";
import { EndMarkerFraming } from "../framing/end_marker.ts";
import { endOfFileFraming } from "../framing/end_of_file.ts";
import type { Framing } from "../framing/framing.ts";
import { type Marker, toMarkerSet } from "../framing/marker.ts";
import { checkMaxBytes } from "../framing/max_bytes.ts";
import { netstringFraming } from "../framing/netstring.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { ResolvedOptions } from "./connection.ts";
import { type Checked, DeadlineTimer } from "./deadline.ts";
import type { Handler } from "./handler.ts";
import type { SharedLimits } from "./limits.ts";
import type { ConversationReport } from "./report.ts";
import { LINGER_TOTAL_MS } from "./transport.ts";

/** Options of `serve()`. Times are in ms; for them, 0 is no limit. */
export interface ServeOptions {
  /** The address to listen on. @default {"127.0.0.1"} */
  hostname?: string;
  /** The port; 0 takes a free one, which `addr` tells. @default {4444} */
  port?: number;
  /**
   * The path of a Unix socket to listen on instead. Deno removes the file at
   * `path` when the server closes. See `removeStaleSocket()` for the file of a
   * server that died.
   */
  path?: string;
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
   * The end marker of every reply and error reply, so that a client can tell a
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
   * accepted by the kernel. The first gets `ERROR:timed out!`, the second is
   * closed. @default {30000}
   */
  idleTimeout?: number;
  /**
   * The longest time for a complete message. A slower one gets
   * `ERROR:timed out!`. @default {300000}
   */
  messageTimeout?: number;
  /**
   * After the reply, the longest time without another byte or the client's end
   * of file, before the server closes; in all 30 s. @default {5000}
   */
  lingerTimeout?: number;
  /**
   * The maximum number of connections served at a time. Up to 256 more get
   * `ERROR:busy!`; others wait in the backlog. @default {10000}
   */
  maxConnections?: number;
  /**
   * The maximum number of bytes that all messages together may hold, in slabs
   * of up to 1 MiB; more gets `ERROR:busy!`. An eighth is reserved for messages
   * of up to 128 KiB. @default {1073741824}
   */
  maxBufferedBytes?: number;
  /**
   * The time that `shutdown()` gives open connections, before they get
   * `ERROR:shutting down!`. @default {10000}
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
  /** Called after each conversation. */
  onConversation?: (report: ConversationReport) => void;
  /**
   * Called when a connection could not be accepted, for lack of descriptors,
   * say (once, until one can be accepted again), and when `onConversation`
   * throws. The server goes on. By default such errors are ignored.
   */
  onAcceptError?: (error: unknown) => void;
}

/** A running server, similar to `Deno.HttpServer`. */
export interface Server<Addr extends Deno.Addr = Deno.NetAddr>
  extends AsyncDisposable {
  /** The address that the server listens on. */
  readonly addr: Addr;
  /** Resolves when the server has stopped listening and all connections ended. */
  readonly finished: Promise<void>;
  /**
   * Shuts down gracefully: answers clients that are connected, refuses new
   * connections within a second, lets open connections finish (see `grace`),
   * and resolves with `finished`, at most 30 s after the grace period. May be
   * called again. Disposing of the server does the same.
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
  lingerTimeout: 5_000,
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
  options: ServeOptions,
  name: keyof typeof LIMITS,
): number {
  const value: unknown = options[name] ?? LIMITS[name];
  if (typeof value === "number" && value >= 0) return value;
  throw new RangeError(
    `Cannot use ${name} as a limit: it must be a number from 0, ` +
      `and is ${value}`,
  );
}

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
  if (replyEnd !== undefined) {
    const replyFraming = new EndMarkerFraming(toMarkerSet(replyEnd));
    return { messageFraming, replyFraming };
  }
  // With keep-alive no end of file ends a reply, so a marker has to.
  const replyFraming = keepAlive ? messageFraming : endOfFileFraming;
  return { messageFraming, replyFraming };
}

/**
 * Checks the options, and resolves what all connections share.
 *
 * @param open The connections that are open, whose deadlines are checked.
 * @throws {TypeError | RangeError} If an option is not valid.
 */
export function resolveOptions(
  options: ServeOptions,
  handler: Handler,
  limits: SharedLimits,
  open: ReadonlySet<Checked>,
): ResolvedOptions {
  const { maxBytes = DEFAULT_MAX_BYTES } = options;
  checkMaxBytes(maxBytes);
  const maxBuffered = limitOf(options, "maxBufferedBytes");
  const times = {
    idleTimeoutMs: limitOf(options, "idleTimeout"),
    messageTimeoutMs: limitOf(options, "messageTimeout"),
    lingerTimeoutMs: limitOf(options, "lingerTimeout"),
  };
  return {
    ...toFramings(options),
    ...times,
    keepAlive: options.keepAlive ?? false,
    maxBytes,
    timer: new DeadlineTimer([...Object.values(times), LINGER_TOTAL_MS], open),
    pool: new BufferPool(
      maxBuffered,
      Math.min(KEEP_BYTES, maxBuffered / 8),
      limits.slabs,
    ),
    handler,
  };
}
