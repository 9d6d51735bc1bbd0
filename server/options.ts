/**
 * What the options of `serve()` resolve to.
 *
 * @module
 */
import type { Clock } from "../framing/clock.ts";
import { DEFAULT_MAX_BYTES } from "../framing/defaults.ts";
import { checkMaxBytes } from "../framing/max_bytes.ts";
import { Admission } from "./admission.ts";
import { BufferPool, poolBytesFor } from "./buffer_pool.ts";
import type { ConnectionOptions } from "./connection.ts";
import { type AllChecked, DeadlineTimer } from "./deadline.ts";
import { toFramings } from "./framings.ts";
import { echoTwice, type Handler } from "./handler.ts";
import { checkTls } from "./listen.ts";
import type { Places } from "./places.ts";
import { Phases, shortestLimits } from "./phases.ts";
import { RecentSizes } from "./recent_sizes.ts";
import type { AnyServeOptions } from "./serve_options.ts";
import type { SharedLimits } from "./shared_counter.ts";

/** The limits that are numbers from 0, with their defaults. */
const LIMITS = {
  idleTimeout: 30_000,
  messageTimeout: 300_000,
  lingerTimeout: 20_000,
  minRate: 2000,
  grace: 10_000,
  maxConnections: 10_000,
  maxPerAddress: Infinity,
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

/** Options that say how a handler is called. */
const HANDLER_OPTIONS = [
  "keepAlive",
  "greeting",
  "tooLarge",
  "onEndOfFile",
] as const;

/**
 * Checks what answers a client: a handler, or a conversation function.
 *
 * @throws {TypeError} If it is no function, or has options of the other one.
 */
function checkFunctions(
  options: AnyServeOptions,
  handler: Handler | undefined,
): void {
  const { converse } = options;
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
  for (const name of HANDLER_OPTIONS) {
    if (options[name] !== undefined) {
      throw new TypeError(`Cannot use ${name} with converse, which decides it`);
    }
  }
}

/** @throws {TypeError} If an option does not fit the others. */
function checkWords(
  { tooLarge, onEndOfFile, keepAlive, framing = "end", end }: AnyServeOptions,
): void {
  checkWord("tooLarge", tooLarge, ["close", "skip"]);
  checkWord("onEndOfFile", onEndOfFile, ["answer", "cancel"]);
  if (tooLarge === "skip" && (!keepAlive || framing !== "end")) {
    throw new TypeError(
      "Cannot skip what is too large without keepAlive and end markers",
    );
  }
  if (onEndOfFile === "cancel" && (keepAlive || end === null)) {
    throw new TypeError(
      "Cannot cancel at the end of file with keepAlive or without a marker",
    );
  }
}

function checkWord(
  name: string,
  value: string | undefined,
  words: readonly string[],
): void {
  if (value === undefined || words.includes(value)) return;
  const list = words.map((word) => `"${word}"`).join(" or ");
  throw new TypeError(`Cannot use ${value} as ${name}: it must be ${list}`);
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
  readonly open: AllChecked;
  /** Which connections have a place. */
  readonly places: Places;
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
  checkWords(options);
  const { maxBytes = DEFAULT_MAX_BYTES, onError = printError } = options;
  checkMaxBytes(maxBytes);
  checkTls(options);
  const mayFollow = options.keepAlive === true || converse !== undefined;
  const framings = toFramings(options, mayFollow);
  const { clock, limits, open, places } = state;
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
    skipsTooLarge: options.tooLarge === "skip",
    isEndOfFileCancel: options.onEndOfFile === "cancel",
    onError: async (error, message, info) => {
      try {
        await onError(error, message, info);
      } catch (callbackError) {
        state.onCallbackError(callbackError);
      }
    },
    clock,
    pool,
    recentSizes: new RecentSizes(),
    timer,
    phases: new Phases(times, timer),
    keepAliveTicks: timer.ticksFor(KEEP_ALIVE_AFTER_MS),
    places,
    admission: Admission.of(options),
    tls: options.tls,
    isReported: options.onConversation !== undefined,
  };
}
