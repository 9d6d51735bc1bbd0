/**
 * What the soak has found, in words.
 *
 * @module
 */
import type { Load, Stop } from "./soak_load.ts";
import type { LogAudit, Needs } from "./soak_server.ts";

/** Memory is part of the verdict for runs of so many seconds. */
export const LONG = 300;

/** How much memory may be at the end, by that after the first minute. */
const MOST_GROWTH = 1.1;

/** What was measured. */
export interface Figures {
  /** After the warm-up; undefined where nobody tells. */
  readonly start: Needs | undefined;
  /** Memory after the first minute, or the first sixth, in bytes. */
  readonly early: number;
  /** Memory at the end of the load. */
  readonly late: number;
  /** When all conversations of the load had ended. */
  readonly end: Needs | undefined;
  /** Undefined if the server had ended before it was stopped. */
  readonly stop: Stop | undefined;
  /** The server's exit status. */
  readonly status: number;
  /** From the signal to the server's end, in ms. */
  readonly stopTime: number;
}

/** Why the run failed; nothing if it passed. */
export function findFaults(
  { start, early, late, end, stop, status }: Figures,
  load: Load,
  log: LogAudit,
  seconds: number,
): string[] {
  const faults: string[] = [];
  if (load.losses.length > 0) faults.push(`${load.losses.length} replies lost`);
  if (stop === undefined) faults.push("the server ended before it was stopped");
  if (stop?.isRefusing === false) faults.push("a stop, and nobody is refused");
  if (status !== 0) faults.push(`the server's exit status is ${status}`);
  if (start !== undefined && end !== undefined) {
    const more = end.descriptors - start.descriptors;
    if (more > 0) faults.push(`${more} descriptors were not given back`);
  }
  if (seconds >= LONG && late > MOST_GROWTH * early) {
    faults.push("memory has grown by more than a tenth");
  }
  return [...faults, ...log.faults()];
}

/** How the load goes, in a few words. */
export function inShort(load: Load): string {
  return `${sum(load.right)} honest conversations answered, ` +
    `${load.toldBusy} of them told busy first, ` +
    `${sum(load.hostile)} hostile ones, ${load.losses.length} lost`;
}

/** The figures, a line for each. */
export function report(
  { start, early, late, end, stop, status, stopTime }: Figures,
  load: Load,
  log: LogAudit,
): string {
  const growth = (late / early).toFixed(2);
  const { slowest } = load;
  const lines: [string, string][] = [
    ["honest conversations", `${sum(load.right)} (${list(load.right)})`],
    ["told busy first", `${load.toldBusy}`],
    ["refused, begun anew", `${load.refused}`],
    ["late by themselves", `${load.late}`],
    ["replies lost", `${load.losses.length}`],
    [
      "slowest honest reply",
      `${slowest.reply.toFixed(0)} ms, told busy ${
        slowest.busy.toFixed(0)
      } ms, ` +
      `with all tries ${slowest.withAllTries.toFixed(0)} ms`,
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
        : `${mebibytes(start.memory)} at first, ` +
          `${mebibytes(early)} early, ${mebibytes(late)} at the end ` +
          `(${growth} of early)`,
    ],
    [
      "server's descriptors",
      start === undefined || end === undefined
        ? "unknown"
        : `${start.descriptors} at first, ${end.descriptors} at the end`,
    ],
    [
      "server's CPU time",
      start === undefined || end === undefined
        ? "unknown"
        : `${(end.cpu - start.cpu).toFixed(1)} s`,
    ],
    ["server's log", `${log.count} conversations (${list(log.outcomes)})`],
    ["server's troubles", list(log.troubles) || "none"],
    [
      "stop",
      stop === undefined ? "the server had ended before" : `${stop.answered} ` +
        `of ${stop.open} open conversations answered, ` +
        `exit status ${status} after ${stopTime.toFixed(0)} ms`,
    ],
  ];
  return lines.map(([name, text]) => `${name.padEnd(28)}${text}\n`).join("");
}

/** As `83.1 MiB`. */
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
