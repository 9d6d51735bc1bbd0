/**
 * The report of the soak, and its faults.
 *
 * @module
 */
import type { Load, Stop } from "./soak_load.ts";
import type { LogAudit, Usage } from "./soak_server.ts";

/** Runs of at least this many seconds have a limit on memory. */
export const LONG_SECONDS = 300;

/** The limit of memory at the end, relative to that after the first minute. */
const MAX_GROWTH = 1.1;

/** What the soak measured. */
export interface Figures {
  /** Usage after the warm-up; undefined where it is unknown. */
  readonly start: Usage | undefined;
  /** Memory after the first minute, or after a sixth of the run, in bytes. */
  readonly early: number;
  /** Memory at the end of the load, in bytes. */
  readonly late: number;
  /** Usage after the last conversation; undefined where it is unknown. */
  readonly end: Usage | undefined;
  /** The stop; undefined if the server had ended before. */
  readonly stop: Stop | undefined;
  /** The server's exit status. */
  readonly status: number;
  /** From the signal to the server's end. */
  readonly stopMs: number;
}

/** Why the run failed; empty if it passed. */
export function findFaults(
  { start, early, late, end, stop, status }: Figures,
  load: Load,
  log: LogAudit,
  seconds: number,
): string[] {
  const faults: string[] = [];
  if (load.losses.length > 0) faults.push(`${load.losses.length} replies lost`);
  if (stop === undefined) faults.push("the server ended before it was stopped");
  if (stop?.isRefusing === false) {
    faults.push("new clients are not refused after the stop");
  }
  if (status !== 0) faults.push(`the server's exit status is ${status}`);
  if (start !== undefined && end !== undefined) {
    const more = end.descriptors - start.descriptors;
    if (more > 0) faults.push(`${more} descriptors were not closed`);
  }
  if (seconds >= LONG_SECONDS && late > MAX_GROWTH * early) {
    faults.push("memory has grown by more than a tenth");
  }
  return [...faults, ...log.faults()];
}

/** The progress of the load, in a line. */
export function summarize(load: Load): string {
  return `${sum(load.correct)} honest conversations answered, ` +
    `${load.busyFirst} of them after ERROR:busy!, ` +
    `${sum(load.hostile)} hostile ones, ${load.losses.length} lost`;
}

/** The report: a line for each figure. */
export function report(
  { start, early, late, end, stop, status, stopMs }: Figures,
  load: Load,
  log: LogAudit,
): string {
  const growth = (late / early).toFixed(2);
  const { slowest } = load;
  const lines: [string, string][] = [
    ["honest conversations", `${sum(load.correct)} (${list(load.correct)})`],
    ["after ERROR:busy!", `${load.busyFirst}`],
    ["refused, tried again", `${load.refused}`],
    ["delayed by this process", `${load.delayed}`],
    ["replies lost", `${load.losses.length}`],
    [
      "slowest honest reply",
      `${slowest.reply.toFixed(0)} ms, ERROR:busy! ${
        slowest.busy.toFixed(0)
      } ms, ` +
      `with all attempts ${slowest.allAttempts.toFixed(0)} ms`,
    ],
    ["hostile conversations", `${sum(load.hostile)}`],
    ...[...load.hostile].sort().map(([name, count]): [string, string] => [
      `  ${name}`,
      `${count}`,
    ]),
    [
      "server's memory",
      start === undefined
        ? "unknown"
        : `${mebibytes(start.memory)} at the start, ` +
          `${mebibytes(early)} early, ${mebibytes(late)} at the end ` +
          `(${growth} of early)`,
    ],
    [
      "server's descriptors",
      start === undefined || end === undefined
        ? "unknown"
        : `${start.descriptors} at the start, ${end.descriptors} at the end`,
    ],
    [
      "server's CPU time",
      start === undefined || end === undefined
        ? "unknown"
        : `${(end.cpu - start.cpu).toFixed(1)} s`,
    ],
    ["server's log", `${log.count} conversations (${list(log.outcomes)})`],
    ["server's errors", list(log.errors) || "none"],
    [
      "stop",
      stop === undefined ? "the server had ended before" : `${stop.answered} ` +
        `of ${stop.open} open conversations answered, ` +
        `exit status ${status} after ${stopMs.toFixed(0)} ms`,
    ],
  ];
  return lines.map(([name, text]) => `${name.padEnd(28)}${text}\n`).join("");
}

/** An amount of memory as text: `83.1 MiB`. */
export function mebibytes(bytes: number): string {
  return Number.isNaN(bytes)
    ? "memory unknown"
    : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((a, b) => a + b, 0);
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts].sort().map(([name, count]) => `${name} ${count}`)
    .join(", ");
}
