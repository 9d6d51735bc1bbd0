/**
 * The options of `sendData()` and `connect()`, and what they resolve to.
 *
 * @module
 */
import {
  CLIENT_MARKER,
  DEFAULT_HOSTNAME,
  DEFAULT_MAX_BYTES,
  DEFAULT_PORT,
} from "../framing/defaults.ts";
import { EndMarkerFraming } from "../framing/end_marker.ts";
import { endOfFileFraming } from "../framing/end_of_file.ts";
import type { Framing } from "../framing/framing.ts";
import { type Marker, toMarkerSet } from "../framing/marker.ts";
import { checkMaxBytes } from "../framing/max_bytes.ts";
import { netstringFraming } from "../framing/netstring.ts";
import type { Address } from "./address.ts";
import { checkOpenConnection, type OpenConnection } from "./connection.ts";
import type { SendEvent } from "./events.ts";
import type { Reply } from "./reply.ts";
import type { ReplyReader } from "./requests.ts";
import { checkTimeout } from "./time_limit.ts";

/** Options that `sendData()` and `connect()` share. */
export interface ConnectionOptions {
  /** The host name or address of the server. @default {"127.0.0.1"} */
  hostname?: string;
  /** The port of the server. @default {4444} */
  port?: number;
  /** The path of a Unix socket, used instead of `hostname` and `port`. */
  path?: string;
  /** Whether to speak TLS. @default {false} */
  tls?: boolean;
  /** Certificate authorities to trust besides the known ones, in PEM. */
  caCerts?: readonly string[];
  /**
   * An open connection, used instead of an address: a `Deno.Conn`, streams
   * (`readable`, `writable`), or a child process whose `stdin` and `stdout` are
   * piped. The client uses it alone, and closes it; of a process, it closes the
   * two streams. Give it no more than one client.
   */
  conn?: OpenConnection;
  /**
   * The end marker of replies, or several: the one that ends first counts, and
   * `Reply.markerIndex` is its position. The client then detects a truncated
   * reply. By default, `sendData()` reads a reply to the end of file, and
   * `connect()` to the marker `end`.
   */
  replyEnd?: Marker | readonly Marker[];
  /**
   * The framing of messages and replies: `"end"`, an end marker; `"count"`, a
   * byte count in front, as netstrings have it. @default {"end"}
   */
  framing?: "end" | "count";
  /**
   * The maximum number of bytes in a reply. The default is 128 MiB, twice the
   * largest message of a server. @default {134217728}
   */
  maxReplyBytes?: number;
  /** Aborts the connection; pending requests reject with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Called for each step, as it happens; the last is `closed`. An error that it
   * throws ends the conversation, and is thrown to the caller that waits for a
   * reply. A promise that it returns is not awaited.
   */
  onEvent?: (event: SendEvent) => void;
}

/** Options of `connect()`. */
export interface ConnectOptions<Result = Reply, Greeting = Result>
  extends ConnectionOptions {
  /**
   * The end marker that follows the data of each request. Required, unless there
   * is `framing: "count"` or `readReply`: with `readReply` alone, the data is
   * sent as it is, and may contain anything.
   */
  end?: Marker;
  /**
   * Whether the server speaks first. `connect()` then resolves when the greeting
   * is complete, and `Client.greeting` is it. `true`: it is framed as a reply. A
   * function reads another form. @default {false}
   */
  greeting?: boolean | ReplyReader<Greeting>;
  /**
   * Reads each reply, for a form that no marker describes: several lines, a
   * length in front, a type first. `request()` resolves to what it returns. Then
   * `replyEnd` and `maxReplyBytes` have no effect.
   */
  readReply?: ReplyReader<Result>;
  /**
   * Whether a request is sent only after the reply to the request before, as HL7
   * demands. By default requests are sent ahead. @default {false}
   */
  oneAtATime?: boolean;
  /**
   * The longest time for connecting and for the greeting, and for each request
   * that has no `timeout` of its own, in ms; 0 is no limit. @default {0}
   */
  timeout?: number;
}

/** Options of `sendData()`. */
export interface SendOptions extends ConnectionOptions {
  /**
   * The end marker that follows the data. The default differs from the server's
   * on purpose. `null`: no marker is sent, and the half-close ends the message,
   * as in printing with JetDirect, and with `nc -N`.
   * @default {"CLIENT WRONG MARKER"}
   */
  end?: Marker | null;
  /**
   * When to half-close. `"before"` the reply: the server notices a missing marker
   * at once. `"after"` the reply: works through more proxies, but the server
   * notices a missing marker only at its time limit; set a `timeout`.
   * @default {"before"}
   */
  halfClose?: "before" | "after";
  /**
   * The longest time for the conversation, in ms; 0 is no limit.
   * @default {0}
   */
  timeout?: number;
}

/** The address in these options, or the default one. */
export function addressOf(options: ConnectionOptions): Address {
  const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT, path } = options;
  const { tls = false, caCerts = [], conn } = options;
  return { hostname, port, path, tls, caCerts, conn };
}

/** Options that were checked and completed. */
export interface ResolvedOptions {
  readonly address: Address;
  readonly messageFraming: Framing;
  readonly replyFraming: Framing;
  readonly maxReplyBytes: number;
  readonly onEvent: (event: SendEvent) => void;
}

/**
 * Checks the options of `sendData()`, and completes them.
 *
 * @throws {TypeError | RangeError} If an option is not valid.
 */
export function resolveOptions(options: SendOptions): ResolvedOptions {
  const { end = CLIENT_MARKER, halfClose = "before", timeout = 0 } = options;
  if (halfClose !== "before" && halfClose !== "after") {
    throw new TypeError(`Cannot half-close ${halfClose} the reply`);
  }
  if (end === null && halfClose === "after") {
    throw new TypeError(
      "Cannot half-close after the reply with `end: null`: the half-close " +
        "ends the message",
    );
  }
  checkTimeout(timeout);
  const { replyEnd } = options;
  return resolveShared(options, toFraming(end), toFraming(replyEnd ?? null));
}

/** Options of `connect()` that were checked and completed. */
export interface ResolvedConnectOptions extends ResolvedOptions {
  readonly greeting: boolean | ReplyReader<unknown>;
  readonly readReply: ReplyReader<unknown> | undefined;
  readonly oneAtATime: boolean;
  readonly timeout: number;
}

/**
 * Checks the options of `connect()`, and completes them.
 *
 * @throws {TypeError | RangeError} If an option is not valid.
 */
export function resolveConnectOptions(
  options: ConnectOptions<unknown, unknown>,
): ResolvedConnectOptions {
  const { end, framing, replyEnd = end, readReply } = options;
  const { greeting = false, oneAtATime = false, timeout = 0 } = options;
  if (end === null) {
    throw new TypeError(
      "Cannot connect with `end: null`: a half-close ends one message, and " +
        "the connection is for many; use sendData()",
    );
  }
  const isFramed = framing === "count" || readReply !== undefined;
  if (end === undefined && !isFramed) {
    throw new TypeError(
      "Cannot connect without `end`: the default markers of client and " +
        "server differ, so that every request would time out",
    );
  }
  checkFunction("readReply", readReply);
  if (typeof greeting !== "boolean") checkFunction("greeting", greeting);
  checkTimeout(timeout);
  return {
    ...resolveShared(
      options,
      toFraming(end ?? null),
      toFraming(replyEnd ?? null),
    ),
    greeting,
    readReply,
    oneAtATime,
    timeout,
  };
}

/** A marker, or none: the end of file ends what is sent or received. */
function toFraming(end: Marker | readonly Marker[] | null): Framing {
  return end === null
    ? endOfFileFraming
    : new EndMarkerFraming(toMarkerSet(end));
}

function resolveShared(
  options: ConnectionOptions,
  messageFraming: Framing,
  replyFraming: Framing,
): ResolvedOptions {
  const { framing = "end", conn } = options;
  const { maxReplyBytes = 2 * DEFAULT_MAX_BYTES, onEvent = () => {} } = options;
  checkMaxBytes(maxReplyBytes);
  if (framing !== "end" && framing !== "count") {
    throw new TypeError(
      `Cannot use ${framing} as framing: it must be "end" or "count"`,
    );
  }
  const address = addressOf(options);
  if (address.tls && address.path !== undefined) {
    throw new TypeError("Cannot speak TLS on a Unix socket");
  }
  if (conn !== undefined) checkOpenConnection(conn, address);
  const framings = framing === "count"
    ? { messageFraming: netstringFraming, replyFraming: netstringFraming }
    : { messageFraming, replyFraming };
  return { address, ...framings, maxReplyBytes, onEvent };
}

function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw new TypeError(`Cannot use \`${name}\`: it is not a function`);
}
