/**
 * The time limits of each phase of a connection, and where they come from.
 *
 * @module
 */
import type { DeadlineTimer, PhaseLimits } from "./deadline.ts";

/**
 * Lingering where places or memory run short: 5 s without a byte and 30 s in
 * all, as nginx's lingering_timeout and lingering_time have it.
 */
const SHORT_LINGER_MS = 5_000;
export const SHORT_LINGER_TOTAL_MS = 30_000;

/** Lingering otherwise: no longer than this, whatever the client sends. */
const MAX_LINGER_MS = 3_600_000;

/**
 * The most that may lie in the kernel's send buffer, in bytes: the default
 * maximum of Linux's tcp_wmem. The kernel accepts more only once a third of the
 * buffer is free, so a slow reader that never stops may seem to take nothing
 * for as long as it needs for that.
 */
const KERNEL_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * With keep-alive, a shutdown waits this long for another message before it
 * ends an idle connection: the next request may have arrived already.
 */
const LAST_READ_MS = 500;

/**
 * The time for the header of a proxy: enough for one that was lost and is sent
 * again after 1 s, as the document of the PROXY protocol asks for.
 */
const PROXY_HEADER_MS = 3000;

/** The limits that an operator sets, in ms; 0 is no limit. */
export interface TimeOptions {
  readonly idleTimeoutMs: number;
  readonly messageTimeoutMs: number;
  readonly lingerTimeoutMs: number;
  /** The slowest client that is not taken for a dead one, in bytes a second. */
  readonly minRate: number;
}

/** All limits, in ms, that decide how often deadlines have to be checked. */
export function shortestLimits(times: TimeOptions): number[] {
  const { idleTimeoutMs, messageTimeoutMs, lingerTimeoutMs } = times;
  return [idleTimeoutMs, messageTimeoutMs, lingerTimeoutMs, SHORT_LINGER_MS];
}

/** The time limits of the phases of a connection. */
export class Phases {
  /** Between two messages. */
  readonly idle: PhaseLimits;
  /** Between two messages, when the server shuts down. */
  readonly lastRead: PhaseLimits;
  /** From accept to the end of a proxy's header. */
  readonly proxyHeader: PhaseLimits;
  /** From the first byte of a message to its end. */
  readonly reading: PhaseLimits;
  /** While a reply is written. */
  readonly writing: PhaseLimits;
  /** After the last reply, until the client's end of file. */
  readonly lingering: PhaseLimits;
  /** The time that a byte earns at the minimal rate, in ticks. */
  readonly ticksPerByte: number;

  constructor(times: TimeOptions, timer: DeadlineTimer) {
    const { idleTimeoutMs, messageTimeoutMs, lingerTimeoutMs } = times;
    this.idle = timer.limits(idleTimeoutMs, 0);
    this.lastRead = timer.limits(LAST_READ_MS, LAST_READ_MS);
    this.proxyHeader = timer.limits(PROXY_HEADER_MS, PROXY_HEADER_MS);
    this.reading = timer.limits(idleTimeoutMs, messageTimeoutMs);
    this.ticksPerByte = timer.ticksPerByte(times.minRate);
    // What lies in the kernel's buffer earns the time that it needs.
    this.writing = {
      ...timer.limits(idleTimeoutMs, 0),
      earned: "idle",
      maxEarnedTicks: KERNEL_BUFFER_BYTES * this.ticksPerByte,
    };
    // Of the strict and the patient limits, the shorter one holds.
    const strict = timer.limits(SHORT_LINGER_MS, SHORT_LINGER_TOTAL_MS);
    const patientTicks = timer.ticksFor(lingerTimeoutMs);
    this.lingering = {
      ...strict,
      patientIdleTicks: patientTicks,
      patientTotalTicks: patientTicks,
      earned: "total",
      maxEarnedTicks: timer.ticksFor(MAX_LINGER_MS),
    };
  }
}

/**
 * The limits while the first byte of a message is awaited.
 *
 * @param isFinishing Whether the server shuts down.
 */
export function awaitingLimits(
  phases: Phases,
  isFinishing: boolean,
): PhaseLimits {
  return isFinishing ? phases.lastRead : phases.idle;
}
