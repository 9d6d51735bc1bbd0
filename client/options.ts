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
import type { SendEvent } from "./events.ts";

/** Options of `connect()`: the server's address, and the framing. */
export interface ConnectOptions {
  /** The host name or address of the server. @default {"127.0.0.1"} */
  hostname?: string;
  /** The port of the server. @default {4444} */
  port?: number;
  /**
   * The end marker that follows the data. `connect()` requires it; for
   * `sendData()` it has a default, which differs from the server's on purpose.
   * @default {"CLIENT WRONG MARKER"}
   */
  end?: Marker;
  /**
   * The end marker of replies. The client then detects a truncated reply. By
   * default, `sendData()` reads a reply to the end of file, and `connect()` to
   * the marker `end`.
   */
  replyEnd?: Marker;
  /**
   * The framing of messages and replies: `"end"`, an end marker; `"count"`, a
   * byte count in front, as netstrings have it. @default {"end"}
   */
  framing?: "end" | "count";
  /** The path of a Unix socket, used instead of `hostname` and `port`. */
  path?: string;
  /** Whether to speak TLS. @default {false} */
  tls?: boolean;
  /** Certificate authorities to trust besides the known ones, in PEM. */
  caCerts?: readonly string[];
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

/** Options of `sendData()`. */
export interface SendOptions extends ConnectOptions {
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
export function addressOf(options: ConnectOptions): Address {
  const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT, path } = options;
  const { tls = false, caCerts = [] } = options;
  return { hostname, port, path, tls, caCerts };
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
 * Checks the options, and completes them.
 *
 * @throws {TypeError | RangeError} If an option is not valid.
 */
export function resolveOptions(options: ConnectOptions): ResolvedOptions {
  const { end = CLIENT_MARKER, replyEnd, framing = "end" } = options;
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
  const framings = framing === "count"
    ? { messageFraming: netstringFraming, replyFraming: netstringFraming }
    : {
      messageFraming: new EndMarkerFraming(toMarkerSet(end)),
      replyFraming: replyEnd === undefined
        ? endOfFileFraming
        : new EndMarkerFraming(toMarkerSet(replyEnd)),
    };
  return { address, ...framings, maxReplyBytes, onEvent };
}
