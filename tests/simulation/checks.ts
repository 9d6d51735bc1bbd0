/**
 * What must always hold, checked for each client at its end.
 *
 * @module
 */
import { DRIPS, type Seen } from "./clients.ts";
import { frame, frameReply, messageText, replyEndOf } from "./messages.ts";
import {
  allowedReplies,
  isCutOff,
  longestSilenceMs,
  mayGoWithout,
  meetsShutdown,
} from "./allowances.ts";
import type { Accepted } from "./network.ts";
import { HONEST_KINDS, type ServerPlan } from "./plan.ts";
import type { World } from "./world.ts";

/** Events closer than this may be noticed in any order, in ms. */
const TOLERANCE_MS = 2;

/** A client waits no longer than this for its place, in ms. */
const MAX_WAIT_MS = 6000;

const MAX_TICK_MS = 1000;

type Violate = (text: string) => void;

/** Checks what one client has seen, and what the server reports of it. */
export function checkClient(world: World, seen: Seen, violate: Violate): void {
  const { plan } = seen;
  const isHonest = (HONEST_KINDS as readonly string[]).includes(plan.kind);
  const name = `Client ${plan.id} (${plan.kind}, port ${seen.ports.join()})`;
  const say: Violate = (text) => violate(`${name}: ${text}`);
  for (const port of seen.ports) {
    checkReport(world, port, say);
    checkDuration(world, seen, port, say);
  }
  if (!isHonest) return;
  if (seen.doneAtMs === Infinity && !isCutOff(seen)) {
    return say("It waits for ever");
  }
  if (seen.isLibrary) return checkReplies(world, seen, say);
  const accepted = world.network.accepted.get(seen.ports[0]!);
  if (accepted === undefined) return checkRefused(world, seen, say);
  checkScripted(world, seen, accepted, say);
}

/** The report of a connection agrees with what its kernel has seen. */
function checkReport(world: World, port: number, say: Violate): void {
  const accepted = world.network.accepted.get(port);
  const report = world.reports.get(port);
  if (accepted === undefined || report === undefined) return;
  const { socket } = accepted.conn;
  if (!socket.isClosed) say("The server never closes");
  if (report.bytesOut !== socket.writtenBytes) {
    say(
      `The report has ${report.bytesOut} bytes out of ${socket.writtenBytes}`,
    );
  }
  if (report.bytesIn !== socket.readBytes) {
    say(`The report has ${report.bytesIn} bytes in of ${socket.readBytes}`);
  }
}

/** A connection is accepted soon, and does not outlive the time limits. */
function checkDuration(
  world: World,
  { plan: client, connectedAtMs }: Seen,
  port: number,
  say: Violate,
): void {
  const { network, plan } = world;
  const { server, stalls, host, handler, handlerMs, replyBytes } = plan;
  const accepted = network.accepted.get(port);
  if (accepted === undefined) return;
  const stalledMs = stalls.reduce((sum, [, ms]) => sum + ms, 0);
  const waitMs = accepted.atMs - connectedAtMs - longestSilenceMs(client);
  if (host.descriptors === Infinity && waitMs > MAX_WAIT_MS + stalledMs) {
    say(`It waited ${Math.round(waitMs)} ms to be accepted`);
  }
  const { idleTimeout, messageTimeout, lingerTimeout } = server;
  const limits = [idleTimeout, lingerTimeout, messageTimeout];
  // Nothing but a shutdown limits a handler; without a rate, dripping is fine.
  if (limits.includes(0) || server.minRate === 0 || handler === "hangs") return;
  let limitMs = Math.max(lingerTimeout, 5000) + MAX_TICK_MS * 4 + stalledMs +
    10 * handlerMs;
  // A slow reader may take as long as its reply does.
  if (handler === "large") limitMs += 2000 * replyBytes / client.line.rate;
  if (client.kind === "silent") limitMs += idleTimeout;
  else if (client.kind === "drips" && !server.keepAlive) {
    // Each byte earns the time that it takes at the minimal rate.
    limitMs += messageTimeout + DRIPS * 1000 / server.minRate;
  } else return;
  const durationMs = accepted.conn.socket.closedAtMs - accepted.atMs;
  if (durationMs > limitMs) {
    say(`It is served for ${Math.round(durationMs)} ms, not ${limitMs}`);
  }
}

/** A client that was never accepted. */
function checkRefused(world: World, seen: Seen, say: Violate): void {
  const { backlog, descriptors } = world.plan.host;
  const { halfClose, forgetsAfterMs } = seen.plan.line;
  if (halfClose !== "pass" || forgetsAfterMs < Infinity) return;
  if (backlog < 511 || descriptors < Infinity || isCutOff(seen)) return;
  if (!meetsShutdown(world, seen)) say(`It was refused: ${seen.end}`);
}

/** A client of this project: no reply is wrong, and none is lost. */
function checkReplies(world: World, seen: Seen, say: Violate): void {
  const { plan: { messages }, replies } = seen;
  const { plan } = world;
  if (seen.failure !== "") say(`It threw ${seen.failure}`);
  if (replies.length < messages.length && !mayGoWithout(world, seen)) {
    say(
      `It made ${replies.length} of ${messages.length} requests: ${seen.end}`,
    );
  }
  let hasEnded = false;
  replies.forEach(({ text, error }, index) => {
    // After such an error reply the connection ends.
    if (hasEnded && plan.server.keepAlive) return;
    hasEnded = isLast(text);
    if (error === "pending") {
      return say(`Reply ${index} is missing: ${seen.end}`);
    }
    if (error?.startsWith("!")) {
      if (mayGoWithout(world, seen)) return;
      return say(`Reply ${index} is missing: ${error} ${text}`);
    }
    const code = /^ERROR:([^!]*)!$/.exec(text)?.[1] ?? null;
    if (error !== code) say(`Reply ${index} has the error ${error}: ${text}`);
    const { byteLength } = messages[index]!;
    const message = messageText(plan, seen.plan.id, index, byteLength);
    const allowed = allowedReplies(world, seen, message, true);
    if (allowed.some((reply) => reply === text)) return;
    const isCut = replyEndOf(plan.server) === undefined &&
      plan.server.framing === "end" && allowed.some((reply) =>
        reply.startsWith(text)
      ) && (isLogged(world, seen) || seen.plan.line.halfClose !== "pass") &&
      mayGoWithout(world, seen);
    if (!isCut) say(`Reply ${index} is wrong: ${text}`);
  });
}

/** Whether the log says that a reply to this client may be lost. */
function isLogged({ reports }: World, { ports }: Seen): boolean {
  return ports.some((port) => {
    const report = reports.get(port);
    return report === undefined || report.replyLost ||
      ["aborted", "stalled", "reset"].includes(report.outcome);
  });
}

/** A scripted client: what it received is a row of whole replies. */
function checkScripted(
  world: World,
  seen: Seen,
  { conn: { socket } }: Accepted,
  say: Violate,
): void {
  const { plan } = world;
  const { server } = plan;
  const count = server.keepAlive ? seen.plan.messages.length : 1;
  let rest = seen.text;
  let sent = 0;
  let isEnding = false;
  const arrivedInTime = bytesBefore(socket, socket.halfClosedAtMs);
  for (let index = 0; index < count; index++) {
    const { byteLength, isComplete } = seen.plan.messages[index]!;
    const message = messageText(plan, seen.plan.id, index, byteLength);
    const begins = sent;
    sent += frame(message, server, isComplete).length;
    // The client said nothing more, and may be refused all the same.
    if (sent === begins && server.keepAlive) {
      if (isOneError(rest, server)) rest = "";
      break;
    }
    const allowed = allowedReplies(world, seen, message, isComplete)
      .map((reply) => frameReply(reply, server));
    const found = allowed.filter((reply) => rest.startsWith(reply))
      .sort((a, b) => b.length - a.length)[0];
    if (found === undefined) {
      const isBegun = allowed.some((reply) => reply.startsWith(rest));
      if (!isBegun) return say(`Reply ${index} is wrong: ${rest}`);
      if (rest === "" && (isEnding || index > 0 && arrivedInTime <= begins)) {
        return;
      }
      // What arrives after its close, the server does not see.
      const isLate = bytesBefore(socket, socket.closedAtMs) <= begins;
      return checkLost(world, seen, index, isLate, say);
    }
    if (isUnasked(found) && index > 0 && arrivedInTime <= begins) {
      const last = bytesBefore(socket, Infinity);
      if (last <= begins) say(`An error reply that nobody asked for: ${found}`);
    }
    rest = rest.slice(found.length);
    // After such an error the connection ends.
    if (isLast(found)) break;
    // One more error reply may tell that further messages are not answered.
    if (/ERROR:shutting down/.test(found)) isEnding = true;
  }
  if (rest === "") return;
  const extra = seen.plan.extraBytes > 0 && server.keepAlive;
  if (!(extra && isOneError(rest, server))) say(`There is more: ${rest}`);
}

/** Whether a reply is an error that ends the connection. */
function isLast(reply: string): boolean {
  const ending = /ERROR:(too large|timed out|no end|busy|bad count|got)/;
  return ending.test(reply);
}

/** Whether this is one error reply, and nothing else. */
function isOneError(text: string, server: ServerPlan): boolean {
  const error = /ERROR:[^!]+!/.exec(text)?.[0];
  return error !== undefined && text === frameReply(error, server);
}

/** Whether a reply is an error that needs no message. */
function isUnasked(reply: string): boolean {
  return /ERROR:(timed out|shutting down)!/.test(reply);
}

/** The bytes that had arrived before this time, with some tolerance. */
function bytesBefore(
  { arrivals }: Accepted["conn"]["socket"],
  atMs: number,
): number {
  let bytes = 0;
  for (const { atMs: arrivedMs, byteLength } of arrivals) {
    if (arrivedMs < atMs - TOLERANCE_MS) bytes = byteLength;
  }
  return bytes;
}

/** A reply that did not arrive: it may be lost only for a reason. */
function checkLost(
  world: World,
  seen: Seen,
  index: number,
  isLate: boolean,
  say: Violate,
): void {
  // What the way does to a reply, the server cannot know.
  if (seen.plan.line.halfClose !== "pass" || isCutOff(seen)) return;
  if (!isLate && !isLogged(world, seen)) {
    return say(`Reply ${index} is lost, and the log says nothing`);
  }
  if (!mayGoWithout(world, seen)) say(`Reply ${index} is lost`);
}
