/**
 * What both sides take where nothing else is said.
 *
 * @module
 */

/** Where the server listens, and the client connects to. */
export const DEFAULT_HOSTNAME = "127.0.0.1";

/** The port of both. */
export const DEFAULT_PORT = 4444;

/** The marker that a server looks for. */
export const SERVER_MARKER = "SERVER WRONG MARKER";

/**
 * The marker that a client sends: on purpose another one, so that what
 * everybody sees first is the last word `ERROR:no end!`.
 */
export const CLIENT_MARKER = "CLIENT WRONG MARKER";

/** The most bytes of a message: 64 MiB. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
