/**
 * The report of one conversation, and who waits for it.
 *
 * @module
 */
import type { ClientCertificate } from "./socket.ts";

/** How one conversation went, for `onConversation` and the log. */
export interface ConversationReport {
  /** The address of the client, if need be from the header of a proxy. */
  remoteAddr: Deno.Addr;
  /** The certificate of the client, if it has shown one. */
  clientCertificate?: ClientCertificate;
  /**
   * How the conversation ended:
   *
   * - `"ok"`: the handler answered the complete message. With `keepAlive`: the
   *   last message was answered, or the client sent none.
   * - the code of the error reply that was sent instead: `"no end"`,
   *   `"too large"`, `"failed"`, …
   * - `"reset"`: the client broke the connection before the reply.
   * - `"truncated"`: the client closed TCP without TLS `close_notify`.
   * - `"not TLS"`: the client did not speak TLS, or refused the certificate.
   * - `"stalled"`: the client took no byte of the reply for too long.
   * - `"cancelled"`: the client half-closed before the reply was complete, and
   *   `onEndOfFile` is `"cancel"`.
   * - `"aborted"`: the server was aborted before the reply.
   * - `"not allowed"`: the client is not in `allow`.
   * - `"bad proxy header"`: a proxy of `proxyFrom` sent no valid header in time.
   */
  outcome: string;
  /**
   * The number of complete messages. With `converse`, of those that `message()`
   * returned, or of the calls of `reply()`, whichever is more.
   */
  messages: number;
  /** The number of bytes received, also after the outcome was known. */
  bytesIn: number;
  /** The number of bytes of replies that were handed to the kernel. */
  bytesOut: number;
  /** The time from accept to close, in ms. */
  durationMs: number;
  /**
   * Whether the reply may be lost: a write, the half-close or the drain failed,
   * the client's end of file did not arrive before the server closed, or a
   * message arrived only after the server had closed an idle connection. A
   * reset that arrives after the server's close is not seen.
   */
  replyLost: boolean;
  /**
   * The error that the handler threw, where the outcome is `"failed"`; what is
   * wrong, where it is `"bad proxy header"`, `"truncated"` or `"not TLS"`.
   */
  error?: unknown;
}

/**
 * Runs one connection from accept to close, by calling `run` once. What is the
 * active context of asynchronous calls by then is that of its handler.
 */
export type Around = (
  run: () => Promise<ConversationReport>,
) => Promise<ConversationReport>;
