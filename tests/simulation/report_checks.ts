/**
 * What must always hold of the server's side of a connection: its report, and
 * the time that it took.
 *
 * @module
 */
import {
  LAST_READ_MS,
  longestSilenceMs,
  mayBeBusy,
  mayTimeOut,
  TOLERANCE_MS,
} from "./allowances.ts";
import { DRIPS, type Seen } from "./clients.ts";
import { frameReply, replyEndOf } from "./messages.ts";
import type { Accepted } from "./network.ts";
import type { Plan } from "./plan.ts";
import { ENDING_MS, tickMs, type World } from "./world.ts";

/** A client waits no longer than this for its place, in ms. */
const MAX_WAIT_MS = 6000;

/** A connection that lingers keeps its place for this long, in ms. */
const MIN_LINGER_MS = 1000;

type Violate = (text: string) => void;

/** Checks the server's side of a connection. */
export function checkConnection(
  world: World,
  seen: Seen,
  port: number,
  say: Violate,
): void {
  const accepted = world.network.accepted.get(port);
  if (accepted === undefined) return;
  checkReport(world, seen, port, accepted, say);
  checkDuration(world, seen, port, accepted, say);
}

/** The report of a connection agrees with what its kernel has seen. */
function checkReport(
  world: World,
  seen: Seen,
  port: number,
  accepted: Accepted,
  say: Violate,
): void {
  const report = world.reports.get(port);
  if (report === undefined) return;
  const { conn: { socket }, atMs } = accepted;
  if (!socket.isClosed) say("The server never closes");
  const durationMs = socket.closedAtMs - atMs;
  const { calls } = world.handled.of(port);
  const agree = (what: string, reported: number, real: number, most = 0) => {
    if (Math.abs(reported - real) <= most) return;
    say(`The report has ${reported} ${what} of ${real}`);
  };
  agree("bytes out", report.bytesOut, socket.writtenBytes);
  agree("bytes in", report.bytesIn, socket.readBytes);
  agree("messages", report.messages, calls);
  const mostMs = TOLERANCE_MS + world.stalledMs;
  agree("ms", report.durationMs, durationMs, mostMs);
  const { outcome } = report;
  if (!mayEndSo(world, seen, outcome, accepted)) {
    say(`It ended with "${outcome}" for no reason`);
  }
  if (outcome === "busy" && report.messages === 0) {
    checkPlaces(world, accepted, say);
  }
  // Everything that follows is about what arrived completely.
  if (socket.peer.readBytes !== socket.writtenBytes) return;
  const isDone = world.plan.handler !== "stops" &&
    socket.closedAtMs < world.abortedAtMs &&
    socket.closedAtMs < world.graceEndsAtMs + ENDING_MS &&
    outcome !== "stalled";
  if (!isDone || seen.ports.length > 1) return;
  if (report.replyLost && hasHeardAll(world, seen, accepted)) {
    say("No reply is lost, and the log says so");
  }
  const text = seen.received.text();
  if (!report.replyLost && !agrees(world.plan, text, outcome)) {
    say(`It ended with "${outcome}", and was told another thing: ${text}`);
  }
}

/** Nobody is refused while a connection lingers that could give its place. */
function checkPlaces(world: World, { atMs }: Accepted, say: Violate): void {
  if (world.plan.server.maxBufferedBytes < 2 ** 24) return;
  for (const [port, { conn: { socket } }] of world.network.accepted) {
    const lingersSinceMs = socket.halfClosedAtMs;
    const hasLingered = lingersSinceMs + MIN_LINGER_MS + TOLERANCE_MS < atMs;
    const staysOn = socket.closedAtMs > atMs + TOLERANCE_MS;
    const hadPlace = world.reports.get(port)?.outcome !== "busy";
    if (hasLingered && staysOn && hadPlace) {
      say(`It was refused while port ${port} lingered`);
    }
  }
}

/** Whether a conversation may have this outcome. */
function mayEndSo(
  world: World,
  seen: Seen,
  outcome: string,
  { conn: { socket }, atMs }: Accepted,
): boolean {
  const { plan: { handler, server }, graceEndsAtMs, abortedAtMs } = world;
  const untilMs = socket.closedAtMs + TOLERANCE_MS;
  switch (outcome) {
    case "reset":
      return socket.brokenAtMs <= untilMs || socket.peer.isClosed;
    case "stalled":
      return server.idleTimeout > 0 && untilMs - atMs >= server.idleTimeout;
    case "aborted":
      return Math.min(abortedAtMs, graceEndsAtMs + ENDING_MS) <= untilMs;
    case "shutting down":
      return graceEndsAtMs <= untilMs;
    case "timed out":
      return mayTimeOut(world, seen);
    case "busy":
      return mayBeBusy(world, seen);
    case "refused":
      return handler === "refuses";
    case "failed":
      return ["throws", "rejects", "stops"].includes(handler);
    default:
      return /^(ok|no end|too large|bad count|got \d+ of \d+ bytes)$/
        .test(outcome);
  }
}

/** Whether a client heard everything, and said that there is no more to come. */
function hasHeardAll(
  world: World,
  seen: Seen,
  { conn: { socket } }: Accepted,
): boolean {
  const { closedAtMs, endOfFileAtMs, brokenAtMs } = socket;
  // After a close in silence, a message may have come that nobody answered.
  const maySilence = world.plan.server.keepAlive &&
    (mayTimeOut(world, seen) || world.shutdownAtMs <= closedAtMs);
  const { server } = world.plan;
  const end = server.framing === "count" ? "," : replyEndOf(server) ?? "";
  const isWhole = seen.received.text().endsWith(end);
  return !maySilence && isWhole && seen.plan.line.halfClose === "pass" &&
    brokenAtMs === Infinity &&
    endOfFileAtMs < closedAtMs - TOLERANCE_MS - world.stalledMs;
}

/** Whether an outcome is what a client has been told last. */
function agrees({ server }: Plan, text: string, outcome: string): boolean {
  if (["reset", "aborted"].includes(outcome)) return true;
  if (outcome !== "ok") {
    return text.endsWith(frameReply(`ERROR:${outcome}!`, server));
  }
  const last = /ERROR:([^!]*)!\D*$/.exec(text)?.[1];
  // With keep-alive, an end of file after a refusal is a good end.
  return last === undefined ||
    (server.keepAlive && ["failed", "refused"].includes(last));
}

/** A connection is accepted soon, and does not outlive the time limits. */
function checkDuration(
  world: World,
  { plan: client, connectedAtMs }: Seen,
  port: number,
  { atMs, conn: { socket } }: Accepted,
  say: Violate,
): void {
  const { plan: { server, host, handler }, stalledMs, shutdownAtMs } = world;
  const waitMs = atMs - connectedAtMs - longestSilenceMs(client);
  if (host.descriptors === Infinity && waitMs > MAX_WAIT_MS + stalledMs) {
    say(`It waited ${Math.round(waitMs)} ms to be accepted`);
  }
  const { idleTimeout, messageTimeout, lingerTimeout, minRate } = server;
  const ticksMs = 4 * tickMs(server) + stalledMs;
  const lingersSinceMs = Math.max(socket.halfClosedAtMs, socket.activeAtMs);
  const lingeringMs = socket.closedAtMs - lingersSinceMs;
  if (lingerTimeout > 0 && lingeringMs > lingerTimeout + ticksMs) {
    say(`It lingers for ${Math.round(lingeringMs)} ms`);
  }
  // Nothing but a shutdown limits a handler; without a rate, dripping is fine.
  if (idleTimeout === 0 || lingerTimeout === 0 || minRate === 0) return;
  if (handler === "hangs") return;
  // Each byte earns the time that it takes at the minimal rate.
  const early = bytesUntil(socket, socket.halfClosedAtMs);
  // What has arrived may be read only after the half-close.
  const late = Math.max(socket.readBytes - early, 0) + host.receiveBufferBytes;
  const totalMs = lingerTimeout + late * 1000 / minRate + ticksMs;
  if (socket.closedAtMs - socket.halfClosedAtMs > totalMs) {
    say(`It lingers for more than ${Math.round(totalMs)} ms in all`);
  }
  const { activeAtMs } = world.handled.of(port);
  // What lies in the kernel earns the time that it takes at the minimal rate.
  const writingMs = socket.writtenBytes * 1000 / minRate;
  // A shutdown, and the end of the grace, wait for another message each.
  const waitsMs = shutdownAtMs <= socket.closedAtMs ? 2 * LAST_READ_MS : 0;
  // A message may be late, and so may the taking of its error reply.
  const limitMs = 2 * idleTimeout + lingerTimeout + writingMs + waitsMs +
    ticksMs;
  const lastMs = Math.max(atMs, activeAtMs, socket.activeAtMs);
  const silenceMs = socket.closedAtMs - lastMs;
  if (silenceMs > limitMs) {
    say(`The server bears ${Math.round(silenceMs)} ms of silence`);
  }
  if (client.kind !== "drips" || server.keepAlive) return;
  // A client may take a long reply as slowly as it likes, byte by byte.
  if (messageTimeout === 0 || handler === "large") return;
  const durationMs = socket.closedAtMs - Math.max(atMs, activeAtMs);
  // Each byte earns the time that it takes at the minimal rate.
  const mostMs = messageTimeout + limitMs + DRIPS * 1000 / minRate;
  if (durationMs > mostMs) {
    say(`It is served for ${Math.round(durationMs)} ms, not ${mostMs}`);
  }
}

/** The bytes that had arrived until this time. */
function bytesUntil({ arrivals }: Accepted["conn"]["socket"], atMs: number) {
  return arrivals.findLast((arrival) => arrival.atMs < atMs)?.byteLength ?? 0;
}
