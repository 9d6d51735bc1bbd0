/**
 * Defaults that both sides of a conversation share.
 *
 * @module
 */

/** The host name that a server listens on and a client connects to. */
export const DEFAULT_HOSTNAME = "127.0.0.1";

/** The port that a server listens on and a client connects to. */
export const DEFAULT_PORT = 4444;

/** The end marker that a server looks for. */
export const SERVER_MARKER = "SERVER WRONG MARKER";

/**
 * The end marker that a client sends. It differs from the server's on purpose:
 * the first thing that a new user sees is the error reply `ERROR:no end!`.
 */
export const CLIENT_MARKER = "CLIENT WRONG MARKER";

/** The maximum number of bytes in a message: 64 MiB. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** The longest delay that `setTimeout()` accepts, in ms: almost 25 days. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
