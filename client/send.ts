/**
 * `sendData()`, one conversation, and `connect()`, many messages on one
 * connection.
 *
 * @module
 */
import {
  ConversationError,
  reasonOf,
  type Reply,
  replyByCount,
  replyToEndOfFile,
  replyToMarker,
  type SendEvent,
} from "./reply.ts";
import {
  CLIENT_MARKER,
  DEFAULT_HOSTNAME,
  DEFAULT_MAX_BYTES,
  DEFAULT_PORT,
} from "../framing/defaults.ts";
import { type ClientConversation, Dialog } from "./pipelined.ts";
import { dial, nameOf, type Where } from "./dial.ts";
import { Exchange } from "./one_shot.ts";
import { messagePieces } from "../framing/outgoing.ts";
import { checkMaxBytes, type Marker, markerBytes } from "../recv_end.ts";
import { LONGEST_TIMER } from "../server/deadline.ts";

/** Where a server is, and how messages and replies say where they end. */
export interface ConnectOptions {
  /** Where the server is. @default {"127.0.0.1"} */
  hostname?: string;
  /** Its port. @default {4444} */
  port?: number;
  /** The end marker that is sent behind the data. @default {"CLIENT WRONG MARKER"} */
  end?: Marker;
  /**
   * What ends every reply. With it a cut reply is known for what it is;
   * without it, the end of file ends the reply.
   * @default {nothing; for {@linkcode connect}, the same as `end`}
   */
  replyEnd?: Marker;
  /**
   * How messages and replies say where they end: by the markers, or by a
   * count in front, as netstrings. @default {"end"}
   */
  framing?: "end" | "count";
  /** The path of a Unix socket, instead of `hostname` and `port`. */
  path?: string;
  /** Whether to speak TLS. @default {false} */
  tls?: boolean;
  /** Certificate authorities to trust beside the known ones, in PEM. */
  caCerts?: readonly string[];
  /**
   * How many bytes a reply may have.
   * @default {134217728} (128 MiB: the largest message of a server, twice)
   */
  maxReplyBytes?: number;
  /** Ends it all; what is waited for rejects. */
  signal?: AbortSignal;
  /**
   * Called for each step of the conversation, as it happens; the last is
   * `closed`. What it throws ends the conversation, and is thrown to whoever
   * waits for a reply. A promise that it returns is not waited for.
   */
  onEvent?: (event: SendEvent) => void;
}

/** Options of {@linkcode sendData}. */
export interface SendOptions extends ConnectOptions {
  /**
   * When to half-close: before the reply, as a client that is done sending
   * does; or after it, which gets through more proxies, but leaves the server
   * nothing but its time limit to notice that the marker is missing, and can
   * wait for ever where the path eats the server's end of file, too: give a
   * `timeout`.
   *
   * @default {"before"}
   */
  halfClose?: "before" | "after";
  /** How long the conversation may take, in ms; 0 is no limit. @default {0} */
  timeout?: number;
}

/**
 * Holds one conversation: connects, sends the data and the end marker,
 * half-closes, reads the reply to its end, and closes.
 *
 * It writes and reads at the same time, so a server that answers in the
 * middle of the message is heard, and then nothing more is sent. When a write
 * fails it still reads: what the server said before may be waiting.
 *
 * @param data The message. A stream is sent as it comes; what is not sent of
 * it is cancelled.
 * @param options The server, the marker, the limits.
 * @returns The reply, whole. It may be a last word: see `lastWord`.
 * @throws {ConversationError} If there is no whole reply.
 * @throws {TypeError} If the data is neither text, bytes nor a stream of
 * bytes, or `end` is empty.
 * @throws {RangeError} If a limit is not a number in its range.
 * @throws What the stream threw; `signal.reason`, if aborted.
 *
 * @example The server's last word
 * ```ts
 * import { sendData, serve } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0 });
 * // By default the two markers differ, on purpose.
 * const reply = await sendData("a1234", { port: server.addr.port });
 * assertEquals(reply.text(), "ERROR:no end!");
 * assertEquals(reply.lastWord, "no end");
 * ```
 */
export async function sendData(
  data: string | Uint8Array | ReadableStream<Uint8Array>,
  options: SendOptions = {},
): Promise<Reply> {
  const { halfClose = "before", timeout = 0, signal } = options;
  const { onEvent = () => {} } = options;
  const { where, marker, readReply, maxReplyBytes } = resolve(options);
  if (halfClose !== "before" && halfClose !== "after") {
    throw new TypeError(`Cannot half-close ${halfClose} the reply`);
  }
  if (!(typeof timeout === "number" && timeout >= 0)) {
    throw new RangeError(
      `Cannot use timeout as a limit: it must be from 0, and is ${timeout}`,
    );
  }
  signal?.throwIfAborted();

  const message = messagePieces(data, marker);
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  const timer = timeout > 0 && timeout <= LONGEST_TIMER
    ? setTimeout(() => stop.abort(), timeout)
    : undefined;
  const exchange = new Exchange({ readReply, maxReplyBytes, onEvent });
  try {
    await exchange.connect(where, stop.signal);
    return await exchange.hold(message, halfClose);
  } catch (error) {
    signal?.throwIfAborted();
    if (!stop.signal.aborted) throw error;
    throw exchange.failure("timed out", `Timed out after ${timeout} ms`, error);
  } finally {
    message.cancel();
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/**
 * Connects to a server that keeps the connection alive (`keepAlive`), for any
 * number of messages.
 *
 * @param options The server, the markers, the limits.
 * @returns The conversation. Whoever has it closes it: `await using`.
 * @throws {ConversationError} If there is no connection.
 * @throws {TypeError | RangeError} As {@linkcode sendData} does.
 *
 * @example Three messages on one connection
 * ```ts
 * import { connect, serve } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, end: "\n", keepAlive: true });
 * await using conversation = await connect({
 *   port: server.addr.port,
 *   end: "\n",
 * });
 * const first = await conversation.ask("a");
 * assertEquals(first.text(), "aa");
 * const both = await Promise.all(["b", "c"].map((data) =>
 *   conversation.ask(data)
 * ));
 * assertEquals(both.map((reply) => reply.text()), ["bb", "cc"]);
 * ```
 */
export async function connect(
  options: ConnectOptions = {},
): Promise<ClientConversation> {
  const { signal = new AbortController().signal, end, replyEnd } = options;
  const { onEvent = () => {} } = options;
  const { where, marker, readReply, maxReplyBytes } = resolve({
    ...options,
    replyEnd: replyEnd ?? end ?? CLIENT_MARKER,
  });
  signal.throwIfAborted();
  let conn;
  try {
    conn = await dial(where, signal);
  } catch (error) {
    signal.throwIfAborted();
    const message = `Cannot connect to ${nameOf(where)}: ${reasonOf(error)}`;
    const nothing = new Uint8Array(0);
    throw new ConversationError("refused", message, nothing, { cause: error });
  }
  return new Dialog(conn, marker, readReply, maxReplyBytes, signal, onEvent);
}

/** Where these options lead, with what they leave out. */
export function whereOf(options: ConnectOptions): Where {
  const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT, path } = options;
  const { tls = false, caCerts = [] } = options;
  return { hostname, port, path, tls, caCerts };
}

/** The options, checked and made ready. */
function resolve(options: ConnectOptions) {
  const { end = CLIENT_MARKER, replyEnd, framing = "end" } = options;
  const { maxReplyBytes = 2 * DEFAULT_MAX_BYTES } = options;
  checkMaxBytes(maxReplyBytes);
  if (framing !== "end" && framing !== "count") {
    throw new TypeError(
      `Cannot use ${framing} as framing: it must be "end" or "count"`,
    );
  }
  const where = whereOf(options);
  if (where.tls && where.path !== undefined) {
    throw new TypeError("Cannot speak TLS on a Unix socket");
  }
  if (framing === "count") {
    return { where, marker: null, readReply: replyByCount, maxReplyBytes };
  }
  const readReply = replyEnd === undefined
    ? replyToEndOfFile
    : replyToMarker(markerBytes(replyEnd));
  return { where, marker: markerBytes(end), readReply, maxReplyBytes };
}
