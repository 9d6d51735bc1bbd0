/**
 * The options of `serve()`, and the server that it returns.
 *
 * @module
 */
import type { CountFraming } from "../framing/count_framing.ts";
import type { Marker } from "../framing/marker.ts";
import type { Converse } from "./conversation.ts";
import type { Message, MessageInfo } from "./handler.ts";
import type { TlsLayer } from "./listen.ts";
import type { ConversationReport } from "./report.ts";

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
   * TLS with certificates of clients, certificates that are replaced, and
   * several names: a `TlsConfig` of `@recv-end/recv-end/tls`, instead of `cert`
   * and `key`.
   */
  tls?: TlsLayer;
  /**
   * The end marker of a message, or several: the earliest match ends the
   * message, and of two that end together the longer one. With `null`, the end
   * of file ends the only message of a connection: a truncated one looks
   * complete then. @default {"SERVER WRONG MARKER"}
   */
  end?: Marker | readonly Marker[] | null;
  /**
   * A marker that must come before each message, such as MLLP's `"\x0b"`; other
   * bytes get `ERROR:bad start!`. With `keepAlive` and without `replyEnd`,
   * replies begin with it, too. By default there is none.
   */
  start?: Marker;
  /**
   * The end marker of every reply and error reply, which lets a client detect a
   * truncated one. By default the end of file ends a reply; with `keepAlive`,
   * the first marker of `end`. With `null`, nothing is put around replies: they
   * have their own ends, in the protocol's own form.
   */
  replyEnd?: Marker | null;
  /**
   * Whether more messages may follow on the same connection. A client that
   * reads at the same time may send them ahead; they are answered in order. An
   * end of file between two messages ends the connection. @default {false}
   */
  keepAlive?: boolean;
  /**
   * The framing of messages and replies: `"end"`, an end marker; `"count"`, a
   * byte count in front, as netstrings have it; or the name of another framing
   * with the length in front: `{ framing: "octetCounted" }`, and
   * `{ framing: "lengthPrefixed", lengthBytes: 2 }`. @default {"end"}
   */
  framing?: "end" | "count" | CountFraming;
  /**
   * What the server says first, in the framing of replies. By default nothing.
   */
  greeting?: string | Uint8Array;
  /**
   * The error reply for a code, in the protocol's own form: `-ERR code`, say. It
   * is sent in the framing of replies; null sends none. By default
   * `ERROR:code!`, which `sendData()` and `connect()` recognise.
   */
  errorReply?: (code: string) => string | Uint8Array | null;
  /**
   * What follows the error reply to a message that is too large: `"close"`, the
   * connection ends; `"skip"`, with `keepAlive` and end markers, the rest of the
   * message is discarded, and the connection goes on with the next one.
   * @default {"close"}
   */
  tooLarge?: "close" | "skip";
  /**
   * What an end of file means while a handler works or its reply is sent:
   * `"answer"`, the client is done sending, and waits for the reply;
   * `"cancel"`, it has left: `info.signal` aborts, the reply is broken off, and
   * the outcome is `cancelled`. Not with `keepAlive`, where nothing is read
   * meanwhile. @default {"answer"}
   */
  onEndOfFile?: "answer" | "cancel";
  /**
   * Converses with each client, instead of a handler: for protocols that are
   * more than a message and its reply. The connection ends when it has returned.
   * Without `replyEnd`, its replies end with the first marker of `end`.
   */
  converse?: Converse;
  /**
   * The maximum number of bytes in a message. A longer one gets
   * `ERROR:too large!` at once. @default {67108864}
   */
  maxBytes?: number;
  /**
   * The longest time without a byte received, or without a byte of the reply
   * accepted by the kernel. The first gets `ERROR:timed out!`; between two
   * messages (`keepAlive`) the server closes in silence, this long after the
   * kernel took the reply. The second is closed; what may lie in the kernel's
   * buffer adds the time that it takes at `minRate`. @default {30000}
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
   * The maximum number of connections of one client, told by its address: of
   * IPv6, by its /64. One more gets `ERROR:busy!`. A connection counts until it
   * is closed, so leave space for clients behind one NAT. Clients of a Unix
   * socket are not counted. @default {Infinity}
   */
  maxPerAddress?: number;
  /**
   * The addresses of clients that are served: `"192.0.2.1"`, networks in CIDR
   * notation, `"2001:db8::/32"`, and `"unix"` for the clients of a Unix socket.
   * Others are closed at once, without a byte; the outcome is `not allowed`. An
   * empty list allows no client. By default all are.
   */
  allow?: readonly string[];
  /**
   * The proxies that say who their clients are, written as in `allow`. Each
   * connection from one of them must begin with a header of the PROXY protocol,
   * version 1 or 2, within 3 s; otherwise it is closed, and the outcome is `bad
   * proxy header`. From others, a header is a part of the message. All that
   * depends on the client's address uses the one in the header; `LOCAL`,
   * `UNKNOWN` and other kinds of addresses leave the socket's own. The header is
   * not counted as received. It comes before TLS: with `tls`, not with `cert`. By
   * default no proxy is believed.
   */
  proxyFrom?: readonly string[];
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
   * Called when a handler or `converse` threw, other than an `ErrorReply`, or
   * when its reply cannot be sent, with the message (none with `converse`) and
   * its info. The client gets `ERROR:failed!`. May return a promise, which
   * nothing waits for: read the message before the first `await`, because its
   * memory is used again. By default the error is printed with
   * `console.error()`.
   */
  onError?: (
    error: unknown,
    message: Message | undefined,
    info: MessageInfo,
  ) => unknown;
  /**
   * Called when a connection could not be accepted, for example without free
   * file descriptors (once until the next success), and when another callback
   * throws or rejects. May return a promise. The server goes on, even if this
   * callback fails, too. By default such errors are ignored.
   */
  onAcceptError?: (error: unknown) => unknown;
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
