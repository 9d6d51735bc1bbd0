/**
 * What `serve()` takes and what it returns, and the limits made of it.
 *
 * @module
 */
import { BlockPool, slabsIn } from "./buffer_pool.ts";
import { LINGER_TOTAL } from "./transport.ts";
import type { ConversationReport, Terms } from "./connection.ts";
import { Count } from "./shared_counter.ts";
import { DEFAULT_MAX_BYTES, SERVER_MARKER } from "../framing/defaults.ts";
import { countFraming, endFraming, type Framing } from "../framing/framing.ts";
import {
  checkMaxBytes,
  endMarkers,
  type Marker,
  markerBytes,
} from "../recv_end.ts";
import type { Handler } from "./handler.ts";
import { Clock, type Watched } from "./deadline.ts";

/** Options of `serve()`. Times are milliseconds; for them, 0 is no limit. */
export interface ServeOptions {
  /** Where to listen. @default {"127.0.0.1"} */
  hostname?: string;
  /** The port; 0 takes a free one: see `addr`. @default {4444} */
  port?: number;
  /**
   * The path of a Unix socket to listen on, instead. Deno removes its file
   * at the end, whatever is there by then; for one that a dead server left see `removeDeadSocket()`.
   */
  path?: string;
  /** A certificate chain in PEM: with `key`, the server speaks TLS. */
  cert?: string;
  /** The private key of the certificate, in PEM. */
  key?: string;
  /**
   * The end marker of a message, or several: the first to end is it, and the
   * longer of two that end together. @default {"SERVER WRONG MARKER"}
   */
  end?: Marker | readonly Marker[];
  /**
   * What follows every reply and every last word, so that a cut one is known
   * for what it is. @default {nothing; with keepAlive, the first of `end`}
   */
  replyEnd?: Marker;
  /**
   * Whether more messages may follow on the same connection. They may be sent
   * ahead, by a client that reads at the same time; they are answered in
   * their order. An end of file between two is a goodbye. @default {false}
   */
  keepAlive?: boolean;
  /**
   * How messages and replies say where they end: by the markers, or by a
   * count in front, as netstrings. @default {"end"}
   */
  framing?: "end" | "count";
  /**
   * How many bytes a message may have; more is `ERROR:too large!`, said at
   * once. @default {67108864} (64 MiB)
   */
  maxBytes?: number;
  /**
   * How long nothing may come, or nothing of the reply be taken. The first is
   * `ERROR:timed out!`; the second closes. A reader slower than about 100 kB/s
   * of a reply of many MB may seem to take nothing for so long.
   * @default {30000}
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
  /**
   * How many may be served at a time; more hear `ERROR:busy!`, up to 256 at a
   * time; others wait in the backlog. @default {10000}
   */
  maxConnections?: number;
  /**
   * How many bytes all messages together may hold, in slabs of up to 1 MiB;
   * more is `ERROR:busy!`. An eighth is left to messages of up to 128 KiB.
   * @default {1073741824} (1 GiB)
   */
  maxBufferedBytes?: number;
  /**
   * How long `shutdown()` lets conversations go on before it gives them the
   * last word `ERROR:shutting down!`. @default {10000}
   */
  grace?: number;
  /**
   * Shares the port with others that ask for the same, each with its own
   * limits; the kernel spreads the connections. Linux, and `unstable: ["net"]`
   * in `deno.json`. @default {false}
   */
  reusePort?: boolean;
  /** Cuts the server and all its conversations at once. */
  signal?: AbortSignal;
  /** Called when the server listens. */
  onListen?: (addr: Deno.Addr) => void;
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
export interface Server<Addr extends Deno.Addr = Deno.NetAddr>
  extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: Addr;
  /** Resolves when it no longer listens and all conversations have ended. */
  readonly finished: Promise<void>;
  /**
   * Answers those who are connected already, refuses new connections within a
   * second, lets open conversations finish (see `grace`), and resolves with
   * `finished`, 30 s after the grace period at the latest. May be called
   * again. Disposing of the server is the same.
   */
  shutdown(): Promise<void>;
  /** Keeps the process alive while the server listens: the default. */
  ref(): void;
  /** Lets the process end while the server listens. */
  unref(): void;
}

/** The limits that are numbers from 0, and what they are by default. */
const LIMITS = {
  idleTimeout: 30_000,
  messageTimeout: 300_000,
  lingerTimeout: 5_000,
  grace: 10_000,
  maxConnections: 10_000,
  maxBufferedBytes: 2 ** 30,
};

/** Blocks kept for reuse when idle, in bytes: enough for a 16 MiB message. */
const KEEP_BYTES = 32 * 1024 * 1024;

/**
 * One of the limits of the options.
 *
 * @throws {RangeError} If it is no number from 0.
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

/** The limits of a whole server, however many threads it has. */
export interface SharedLimits {
  /** The connections that are open. */
  readonly connections: Count;
  /** The slabs that messages are read into. */
  readonly slabs: Count;
}

/** The limits of a server, nothing of which is used yet. */
export function newLimits(options: ServeOptions): SharedLimits {
  return {
    connections: new Count(limitOf(options, "maxConnections")),
    slabs: new Count(slabsIn(limitOf(options, "maxBufferedBytes"))),
  };
}

function toFraming(
  { framing = "end", end = SERVER_MARKER, replyEnd, keepAlive }: ServeOptions,
): Framing {
  if (framing === "count") return countFraming;
  if (framing !== "end") {
    throw new TypeError(
      `Cannot use ${framing} as framing: it must be "end" or "count"`,
    );
  }
  const ends = endMarkers(end);
  if (replyEnd !== undefined) return endFraming(ends, markerBytes(replyEnd));
  // Where the file does not end with the reply, the reply has to say so.
  return endFraming(ends, keepAlive ? ends.markers[0] : undefined);
}

/** What the options come to for each of the conversations that are open. */
export function toTerms(
  options: ServeOptions,
  handler: Handler,
  limits: SharedLimits,
  open: ReadonlySet<Watched>,
): Terms {
  const { maxBytes = DEFAULT_MAX_BYTES } = options;
  checkMaxBytes(maxBytes);
  const maxBuffered = limitOf(options, "maxBufferedBytes");
  const times = {
    idleTimeout: limitOf(options, "idleTimeout"),
    messageTimeout: limitOf(options, "messageTimeout"),
    lingerTimeout: limitOf(options, "lingerTimeout"),
  };
  return {
    framing: toFraming(options),
    keepAlive: options.keepAlive ?? false,
    maxBytes,
    ...times,
    clock: new Clock([...Object.values(times), LINGER_TOTAL], open),
    blocks: new BlockPool(
      maxBuffered,
      Math.min(KEEP_BYTES, maxBuffered / 8),
      limits.slabs,
    ),
    handler,
  };
}
