/**
 * What must always hold, checked for each client at its end.
 *
 * @module
 */
import {
  allowedReplies,
  isCutOff,
  mayBeRefused,
  mayGoWithout,
  mayTimeOut,
  TOLERANCE_MS,
} from "./allowances.ts";
import type { Seen } from "./clients.ts";
import {
  frame,
  frameReply,
  messageText,
  replyEndOf,
  replyText,
  splitMessages,
} from "./messages.ts";
import type { Accepted } from "./network.ts";
import { HONEST_KINDS, type ServerPlan } from "./plan.ts";
import { checkConnection } from "./report_checks.ts";
import type { World } from "./world.ts";

type Violate = (text: string) => void;

/** Checks what one client has seen, and what the server reports of it. */
export function checkClient(world: World, seen: Seen, violate: Violate): void {
  const { plan } = seen;
  const isHonest = (HONEST_KINDS as readonly string[]).includes(plan.kind);
  const name = `Client ${plan.id} (${plan.kind}, port ${seen.ports.join()})`;
  const say: Violate = (text) => violate(`${name}: ${text}`);
  for (const port of seen.ports) checkConnection(world, seen, port, say);
  if (!isHonest) return checkHostile(world, seen, say);
  if (seen.doneAtMs === Infinity && !isCutOff(seen)) {
    return say("It waits for ever");
  }
  const port = seen.ports[0]!;
  const accepted = world.network.accepted.get(port);
  if (accepted !== undefined) checkLatency(world, seen, port, accepted, say);
  if (seen.isLibrary) return checkReplies(world, seen, accepted, say);
  if (accepted !== undefined) return checkScripted(world, seen, accepted, say);
  if (!mayBeRefused(world, seen)) say(`It was refused: ${seen.end}`);
}

/** On a good line a reply comes as soon as its handler has made it. */
function checkLatency(
  world: World,
  { plan: client, received }: Seen,
  port: number,
  { atMs, conn: { socket } }: Accepted,
  say: Violate,
): void {
  const { line } = client;
  const isGood = line.rate === Infinity && line.loss === 0 &&
    line.outages.length === 0 && line.forgetsAfterMs === Infinity &&
    client.readPauseMs === 0 && world.stalledMs === 0;
  if (!isGood) return;
  // Such an error reply comes after a time.
  if (/ERROR:(timed out|shutting down)!/.test(received.text())) return;
  const sinceMs = Math.max(
    atMs,
    world.handled.of(port).activeAtMs,
    client.resumesAtMs + line.delayMs,
    socket.arrivals.at(-1)?.atMs ?? 0,
    socket.endOfFileAtMs < Infinity ? socket.endOfFileAtMs : 0,
  );
  const smallestBuffer = Math.min(
    world.plan.host.sendBufferBytes,
    client.host.receiveBufferBytes,
  );
  // A third of a buffer may be sent in each round trip.
  const trips = 5 + 3 * socket.writtenBytes / smallestBuffer;
  const limitMs = trips * (2 * (line.delayMs + line.jitterMs) + 1);
  const latencyMs = socket.peer.readAtMs - sinceMs;
  if (latencyMs > limitMs) {
    say(`Its reply took ${Math.round(latencyMs)} ms`);
  }
}

/** What a client receives that does what it likes: replies to it, in order. */
function checkHostile(world: World, seen: Seen, say: Violate): void {
  const { plan } = world;
  const { server } = plan;
  let rest = seen.received.text();
  const { messages } = splitMessages(seen.sent.text(), server);
  for (const message of server.keepAlive ? messages : messages.slice(0, 1)) {
    const reply = frameReply(replyText(plan, message), server);
    const error = errorReply(rest, server);
    if (rest.startsWith(reply)) rest = rest.slice(reply.length);
    else if (error !== "" && !isLast(error)) rest = rest.slice(error.length);
    else if (reply.startsWith(rest)) return;
    else break;
  }
  rest = rest.slice(errorReply(rest, server).length);
  // An error reply may be cut, too.
  if (!/^(\d*:?)(E|ER|ERR|ERRO|ERROR|ERROR:[ \w]*!?.{0,5})?$/s.test(rest)) {
    say(`It received what it should not: ${rest}`);
  }
}

/** The error reply that a text begins with, framed; empty if there is none. */
function errorReply(text: string, server: ServerPlan): string {
  const error = /^(?:\d+:)?(ERROR:[ \w]+!)/.exec(text)?.[1];
  const reply = error === undefined ? "" : frameReply(error, server);
  return text.startsWith(reply) ? reply : "";
}

/** A client of this project: no reply is wrong, and none is lost. */
function checkReplies(
  world: World,
  seen: Seen,
  accepted: Accepted | undefined,
  say: Violate,
): void {
  const { plan: { messages, id }, replies, abortedAtMs, doneAtMs } = seen;
  const { plan } = world;
  if (seen.failure !== "") say(seen.failure);
  if (abortedAtMs < doneAtMs - TOLERANCE_MS) {
    say(`It went on for ${doneAtMs - abortedAtMs} ms after it was aborted`);
  }
  const mayMiss = (begins: number) =>
    accepted === undefined
      ? mayBeRefused(world, seen)
      : mayGoWithout(world, seen, accepted, begins);
  if (replies.length < messages.length && !mayMiss(0)) {
    say(
      `It made ${replies.length} of ${messages.length} requests: ${seen.end}`,
    );
  }
  checkSent(world, seen, say);
  let sent = 0;
  let isEnding = false;
  for (const [index, { text, error }] of replies.entries()) {
    const message = messageText(plan, id, index, messages[index]!.byteLength);
    const begins = sent;
    sent += frame(message, plan.server, true).length;
    if (error === "pending") {
      return say(`Reply ${index} is missing: ${seen.end}`);
    }
    if (error?.startsWith("!")) {
      // No further request is sent.
      if (isEnding || mayMiss(begins)) return;
      return say(`Reply ${index} is missing: ${error} ${text}`);
    }
    const code = /^ERROR:([^!]*)!$/.exec(text)?.[1] ?? null;
    if (error !== code) say(`Reply ${index} has the error ${error}: ${text}`);
    const allowed = allowedReplies(world, seen, message, true);
    // After such an error reply the connection ends.
    if (isLast(text) && allowed.includes(text)) return;
    // One error reply tells that all further messages are not answered.
    if (text === "ERROR:shutting down!" && allowed.includes(text)) {
      if (isEnding) return;
      isEnding = true;
    }
    if (allowed.includes(text)) continue;
    const isCut = replyEndOf(plan.server) === undefined &&
      plan.server.framing === "end" && allowed.some((reply) =>
        reply.startsWith(text)
      ) && (isLogged(world, seen) || seen.plan.line.halfClose !== "pass") &&
      mayMiss(begins);
    if (!isCut) say(`Reply ${index} is wrong: ${text}`);
  }
}

/** A message that was broken off is not given its end. */
function checkSent({ plan }: World, seen: Seen, say: Violate): void {
  const { id, messages } = seen.plan;
  // A connection for each message has only one.
  const complete = splitMessages(seen.sent.text(), plan.server).messages;
  complete.forEach((message, index) => {
    const byteLength = messages[index]?.byteLength ?? 0;
    if (message === messageText(plan, id, index, byteLength)) return;
    say(`It sent message ${index} with a wrong end: ${message}`);
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
  accepted: Accepted,
  say: Violate,
): void {
  const { plan } = world;
  const { server } = plan;
  const { socket } = accepted.conn;
  const count = server.keepAlive ? seen.plan.messages.length : 1;
  let rest = seen.received.text();
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
      if (rest === "" && isEnding) return;
      const mayMiss = mayGoWithout(world, seen, accepted, begins);
      if (rest === "" && index > 0 && arrivedInTime <= begins) {
        if (mayMiss || mayTimeOut(world, seen)) return;
        return say(`The server closed before message ${index}`);
      }
      // What arrives after its close, the server does not see.
      const isLate = isBeyond(world, seen, accepted) ||
        bytesBefore(socket, socket.closedAtMs) <= begins;
      return checkLost(world, seen, index, isLate, mayMiss, say);
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
  if (seen.plan.extraBytes > 0 && server.keepAlive) {
    if (isOneError(rest, server)) return;
    // The limits or the line may cut the last reply, too.
    const isExcused = isUnknowable(seen) ||
      mayGoWithout(world, seen, accepted, sent) && isLogged(world, seen);
    if (isExcused && isCutError(rest, server)) return;
  }
  say(`There is more: ${rest}`);
}

/**
 * Whether bytes came after the close, and so long after the last reply that the
 * server took it for received. The reset that answers them may overtake it.
 */
function isBeyond(
  { plan, handled }: World,
  { ports }: Seen,
  { conn: { socket } }: Accepted,
): boolean {
  const { lingerTimeout } = plan.server;
  const { activeAtMs } = handled.of(ports[0]!);
  return socket.hasMissed && lingerTimeout > 0 &&
    socket.closedAtMs - activeAtMs >= lingerTimeout - TOLERANCE_MS;
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

/** Whether the way may lose a reply that the server has sent, and acknowledge it. */
function isUnknowable(seen: Seen): boolean {
  return seen.plan.line.halfClose !== "pass" || isCutOff(seen);
}

/** Whether text is the beginning of an error reply. */
function isCutError(text: string, server: ServerPlan): boolean {
  const isCount = server.framing === "count";
  const body = isCount ? text.replace(/^\d+:?/, "") : text;
  const end = isCount ? "" : replyEndOf(server) ?? "";
  const [, endPart = ""] = /^ERROR:[^!]*!?([^]*)$/.exec(body) ?? [];
  const isBegun = "ERROR:".startsWith(body) || body.startsWith("ERROR:");
  return isBegun && end.startsWith(endPart);
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
  mayMiss: boolean,
  say: Violate,
): void {
  if (isUnknowable(seen)) return;
  if (!isLate && !isLogged(world, seen)) {
    return say(`Reply ${index} is lost, and the log says nothing`);
  }
  if (!mayMiss) say(`Reply ${index} is lost`);
}
