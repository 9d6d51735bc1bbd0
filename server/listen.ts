/**
 * Listeners of all kinds.
 *
 * @module
 */

import type { AnyServeOptions } from "./serve_options.ts";
import type { ServerSocket } from "./socket.ts";

/** A listener: TCP, TLS over TCP, or a Unix socket. `Deno.Listener` is one. */
export interface AnyListener {
  /** The address that it listens on. */
  readonly addr: Deno.Addr;
  /** Resolves to the next connection. */
  accept(): Promise<ServerSocket>;
  /**
   * Takes no further connections, where others take them over: on a socket that
   * is inherited. Those that were taken can still be accepted.
   */
  stop?(): void;
  /** Closes. */
  close(): void;
  /** Keeps the process alive. */
  ref(): void;
  /** Lets the process end. */
  unref(): void;
}

/** What speaks TLS on the connections of a server: a `TlsConfig`. */
export interface TlsLayer {
  /**
   * Returns a socket that speaks TLS over another one, from its first use on. It
   * owns the other one.
   *
   * @ignore For `serve()`.
   */
  over(socket: ServerSocket): ServerSocket;
}

/**
 * Whether `accept()` failed only because a client left before it was accepted.
 * The listener goes on listening.
 */
export function isGoneClient(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}

/** @throws {TypeError} If the options about TLS do not fit together. */
export function checkTls({ path, cert, key, tls }: AnyServeOptions): void {
  const hasKeys = cert !== undefined || key !== undefined;
  if (tls !== undefined && hasKeys) {
    throw new TypeError("Cannot use both tls and a cert or a key");
  }
  if (path !== undefined && (hasKeys || tls !== undefined)) {
    throw new TypeError("Cannot speak TLS on a Unix socket");
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot speak TLS: it takes both a cert and a key");
  }
}
