/**
 * What the options of `serve()` resolve to.
 *
 * @module
 */
import type { Clock } from "../framing/clock.ts";
import { DEFAULT_MAX_BYTES, SERVER_MARKER } from "../framing/defaults.ts";
import { encode } from "../framing/encode.ts";
import { EndMarkerFraming } from "../framing/end_marker.ts";
import { endOfFileFraming } from "../framing/end_of_file.ts";
import type { Framing } from "../framing/framing.ts";
import { toMarkerSet } from "../framing/marker.ts";
import { checkMaxBytes } from "../framing/max_bytes.ts";
import { netstringFraming } from "../framing/netstring.ts";
import { BufferPool, poolBytesFor } from "./buffer_pool.ts";
import type { ConnectionOptions, ServerConnection } from "./connection.ts";
import { DeadlineTimer } from "./deadline.ts";
import { echoTwice, type Handler } from "./handler.ts";
import { Phases, shortestLimits } from "./phases.ts";
import type { AnyServeOptions, ServeOptions } from "./serve_options.ts";
import type { SharedLimits } from "./shared_counter.ts";

/** The limits that are numbers from 0, with their defaults. */
const LIMITS = {
  idleTimeout: 30_000,
  messageTimeout: 300_000,
  lingerTimeout: 20_000,
  minRate: 2000,
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
  options: AnyServeOptions,
  name: keyof typeof LIMITS,
): number {
  const value: unknown = options[name] ?? LIMITS[name];
  if (typeof value === "number" && value >= 0) return value;
  throw new RangeError(
    `Cannot use ${name} as a limit: it must be a number from 0, ` +
      `and is ${value}`,
  );
}

/** The codes of the error replies that a server with end markers sends. */
const ERROR_CODES = [
  "no end",
  "too large",
  "timed out",
  "busy",
  "failed",
  "shutting down",
];

/**
 * The framings of messages and of replies.
 *
 * @param mayFollow Whether more messages may follow on a connection.
 */
function toFramings(
  { framing = "end", end = SERVER_MARKER, replyEnd }: ServeOptions,
  mayFollow: boolean,
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
  if (replyEnd === undefined && !mayFollow) {
    return { messageFraming, replyFraming: endOfFileFraming };
  }
  // No end of file ends a reply that others may follow, so a marker has to.
  const replyFraming = replyEnd === undefined
    ? messageFraming
    : new EndMarkerFraming(toMarkerSet(replyEnd));
  for (const code of ERROR_CODES) {
    try {
      encode(`ERROR:${code}!`, replyFraming);
    } catch (cause) {
      throw new TypeError(
        `Cannot use the end marker of replies: ERROR:${code}! contains it`,
        { cause },
      );
    }
  }
  return { messageFraming, replyFraming };
}

/**
 * Checks what answers a client: a handler, or a conversation function.
 *
 * @throws {TypeError} If it is no function, or has options of the other one.
 */
function checkFunctions(
  { converse, keepAlive }: AnyServeOptions,
  handler: Handler | undefined,
): void {
  if (handler !== undefined && typeof handler !== "function") {
    throw new TypeError(
      `Cannot serve with a handler that is ${typeof handler}`,
    );
  }
  if (converse === undefined) return;
  if (typeof converse !== "function") {
    throw new TypeError(
      `Cannot serve with a converse that is ${typeof converse}`,
    );
  }
  if (handler !== undefined) {
    throw new TypeError("Cannot serve with both a handler and converse");
  }
  if (keepAlive !== undefined) {
    throw new TypeError("Cannot use keepAlive with converse, which decides it");
  }
}

/** @throws {RangeError} If not even one message of `maxBytes` could be read. */
function checkBuffers(
  maxBuffered: number,
  maxBytes: number,
  overheadBytes: number,
): void {
  if (maxBytes === Infinity) return;
  const neededBytes = poolBytesFor(maxBytes + overheadBytes);
  if (maxBuffered >= neededBytes) return;
  throw new RangeError(
    `Cannot use ${maxBuffered} as maxBufferedBytes: ` +
      `a message of ${maxBytes} bytes needs ${neededBytes}`,
  );
}

/** TCP keep-alive is worth a system call after this time, in ms. */
const KEEP_ALIVE_AFTER_MS = 5000;

function printError(error: unknown): void {
  console.error(error);
}

/** The part of a limit from which on the server is short of it. */
const SHORT_PART = 3 / 4;

/** The state of a server that its connections depend on. */
export interface ServerState {
  readonly clock: Clock;
  /** The limits of all threads. */
  readonly limits: SharedLimits;
  /** Connections that are open. */
  readonly open: ReadonlySet<ServerConnection>;
  /** Connections that wait for the client's end of file. */
  readonly lingering: Set<ServerConnection>;
  /** Whether the server wants connections to end soon. */
  isEnding(): boolean;
  /** Takes an error that a callback threw. */
  onCallbackError(error: unknown): void;
}

/**
 * Checks the options, and resolves what all connections share.
 *
 * @throws {TypeError | RangeError} If an option is not valid.
 */
export function resolveOptions(
  options: AnyServeOptions,
  handler: Handler | undefined,
  state: ServerState,
): ConnectionOptions {
  const { converse } = options;
  checkFunctions(options, handler);
  const { maxBytes = DEFAULT_MAX_BYTES, onError = printError } = options;
  checkMaxBytes(maxBytes);
  const mayFollow = options.keepAlive === true || converse !== undefined;
  const framings = toFramings(options, mayFollow);
  const { clock, limits, open, lingering } = state;
  const maxBuffered = limitOf(options, "maxBufferedBytes");
  checkBuffers(
    maxBuffered,
    maxBytes,
    framings.messageFraming.overheadBytes,
  );
  const times = {
    idleTimeoutMs: limitOf(options, "idleTimeout"),
    messageTimeoutMs: limitOf(options, "messageTimeout"),
    lingerTimeoutMs: limitOf(options, "lingerTimeout"),
    minRate: limitOf(options, "minRate"),
  };
  const pool = new BufferPool(
    maxBuffered,
    Math.min(KEEP_BYTES, maxBuffered / 8),
    limits.slabs,
    clock,
  );
  const shortBytes = limits.slabs.max * pool.slabBytes * (1 - SHORT_PART);
  const isShort = () =>
    state.isEnding() ||
    limits.connections.count >= limits.connections.max * SHORT_PART ||
    pool.freeBytes < shortBytes;
  const timer = new DeadlineTimer(
    shortestLimits(times),
    open,
    isShort,
    (isLast) => pool.trim(isLast),
    clock,
  );
  return {
    ...framings,
    keepAlive: options.keepAlive ?? false,
    maxBytes,
    handler: handler ?? echoTwice,
    converse,
    onError: (error, message, info) => {
      try {
        onError(error, message, info);
      } catch (callbackError) {
        state.onCallbackError(callbackError);
      }
    },
    clock,
    pool,
    timer,
    phases: new Phases(times, timer),
    keepAliveTicks: timer.ticksFor(KEEP_ALIVE_AFTER_MS),
    lingering,
  };
}
