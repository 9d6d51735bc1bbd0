/**
 * What a client has to bear: the replies that it may get to its messages, and
 * the reasons to get none.
 *
 * @module
 */
import type { Seen } from "./clients.ts";
import { replyText } from "./messages.ts";
import type { Accepted } from "./network.ts";
import type { ClientPlan, Plan } from "./plan.ts";
import type { World } from "./world.ts";

/** A client cannot learn that the server has gone if its line is dead. */
export function isCutOff({ sockets }: Seen): boolean {
  return sockets.some(({ line }) => line.isForgotten || line.hasLostReset);
}

/** The largest buffer of a simulated host, in bytes. */
const MAX_BUFFER_BYTES = 32_768;

/** Events closer than this may be noticed in any order, in ms. */
export const TOLERANCE_MS = 2;

/** Where places run short, a connection lingers this long at least, in ms. */
const SHORT_PLACE_MS = 1000;

/** Limits of lingering where the server runs short, or ends, in ms. */
const SHORT_LINGER_MS = 5000;
const SHORT_LINGER_TOTAL_MS = 30_000;

/** A shutdown waits this long for another message, in ms. */
export const LAST_READ_MS = 500;

/** With so many clients, some are not even refused. */
const CROWD = 250;

/** A connection is in the backlog this long after its client knows of it. */
const ARRIVAL_MS = 10;

/** A little more than a client can be late for reasons of its own, in ms. */
const MARGIN_MS = 200;

/** Whether there are reasons for a client never to be accepted. */
export function mayBeRefused(world: World, seen: Seen): boolean {
  const { plan: { host, clients, server }, shutdownAtMs, stalledMs } = world;
  const { plan: client, connectedAtMs } = seen;
  const { halfClose, forgetsAfterMs } = client.line;
  if (isAborted(world, seen) || isCutOff(seen)) return true;
  if (halfClose !== "pass" || forgetsAfterMs < Infinity) return true;
  if (host.backlog < 511 || host.descriptors < Infinity) return true;
  if (clients.length > CROWD) return true;
  // Who comes during a shutdown may come too late.
  const sinceMs = connectedAtMs === Infinity ? client.atMs : connectedAtMs;
  const mostMs = longestSilenceMs(client) + ARRIVAL_MS;
  // The whole grace may pass while the server is stalled.
  return sinceMs + mostMs >= shutdownAtMs || server.grace < stalledMs;
}

/**
 * Whether there are reasons for a client that was accepted to get no complete
 * reply to the message that begins after this many bytes.
 */
export function mayGoWithout(
  world: World,
  seen: Seen,
  accepted: Accepted,
  begins: number,
): boolean {
  return isAborted(world, seen) || isHarsh(world, seen) ||
    world.plan.handler === "stops" || isLate(world, seen, accepted, begins);
}

/** Whether everything was aborted, or the client itself was. */
function isAborted({ abortedAtMs }: World, seen: Seen): boolean {
  return abortedAtMs - TOLERANCE_MS <= seen.doneAtMs ||
    seen.abortedAtMs <= seen.doneAtMs;
}

/** Whether a message arrived only after a shutdown, on an idle connection. */
function isLate(
  { plan, shutdownAtMs, stalledMs }: World,
  { doneAtMs }: Seen,
  { atMs, conn: { socket } }: Accepted,
  begins: number,
): boolean {
  if (!plan.server.keepAlive) return false;
  const arrival = socket.arrivals.find(({ byteLength }) => byteLength > begins);
  const arrivedMs = arrival?.atMs ?? Infinity;
  return Math.max(atMs, shutdownAtMs) + LAST_READ_MS - stalledMs <=
    Math.min(arrivedMs, doneAtMs) + TOLERANCE_MS;
}

/** Whether places run short at times. */
function hasFewPlaces({ plan: { server, clients } }: World): boolean {
  return server.maxConnections <= clients.length * 4 / 3;
}

/** Whether the limits of the server or the line are too hard on this client. */
function isHarsh(world: World, seen: Seen): boolean {
  const { plan, graceEndsAtMs } = world;
  const { plan: client, doneAtMs } = seen;
  const { server } = plan;
  const { line, messages } = client;
  // With keep-alive, who sends ahead has to read at the same time.
  if (server.keepAlive && client.kind === "first") return true;
  if (line.halfClose !== "pass" || line.forgetsAfterMs < Infinity) return true;
  const rate = rateOf(client, plan);
  const bytes = client.extraBytes +
    messages.reduce((sum, { byteLength }) => sum + byteLength + 20, 0);
  const uploadMs = bytes * 1000 / rate;
  // The acknowledgement of a reply waits for what was sent before it.
  const { receiveBufferBytes } = plan.host;
  const queuedMs = server.keepAlive || client.extraBytes > 0
    ? Math.min(receiveBufferBytes, bytes) * 1000 / rate
    : 0;
  // The silence must be well below the limits on it.
  const silenceMs = 1.25 * longestSilenceMs(client) + MARGIN_MS + queuedMs;
  const limits = [server.idleTimeout, server.lingerTimeout];
  // Who writes everything first takes nothing of the reply meanwhile.
  const deafMs = client.kind === "first" ? 1.25 * uploadMs + silenceMs : 0;
  if (server.idleTimeout > 0 && deafMs > server.idleTimeout) return true;
  // The time from the half-close of the server to that of the client.
  const replyMs = plan.host.sendBufferBytes * 1000 / rate;
  const isShort = hasFewPlaces(world) || server.maxBufferedBytes < 2 ** 24;
  if (isShort || graceEndsAtMs <= doneAtMs) {
    limits.push(SHORT_LINGER_MS);
    // After the grace, what goes on is cut after this time.
    const replyBytes = plan.handler === "large" ? plan.replyBytes : 0;
    const downloadMs = messages.length * replyBytes * 1000 / rate;
    const mostMs = Math.max(uploadMs, downloadMs) + silenceMs;
    if (mostMs > SHORT_LINGER_TOTAL_MS / 2) return true;
    // What lies in the kernel earns no time.
    const { idleTimeout } = server;
    if (idleTimeout > 0 && silenceMs + replyMs > idleTimeout) return true;
  }
  if (server.keepAlive && server.idleTimeout > 0) {
    // The wait for the next message begins when the kernel has the reply.
    const largestBytes = Math.max(
      plan.handler === "large" ? plan.replyBytes : 0,
      ...messages.map(({ byteLength }) => byteLength + 20),
    );
    const inKernelBytes = Math.min(plan.host.sendBufferBytes, largestBytes);
    const waitMs = silenceMs + inKernelBytes * 1000 / rate;
    if (waitMs > server.idleTimeout) return true;
  }
  if (hasFewPlaces(world)) {
    const lastMs = silenceMs + replyMs +
      (client.kind === "first" ? uploadMs : 0);
    if (lastMs > SHORT_PLACE_MS) return true;
  }
  if (limits.some((limit) => limit > 0 && silenceMs > limit)) return true;
  // Where the server allows for no rate at all, it is patient for an hour.
  return rate < 2 * server.minRate;
}

/** The longest time for which nothing of a client arrives, in ms. */
export function longestSilenceMs(
  { line, atMs, resumesAtMs, writePauseMs, readPauseMs }: ClientPlan,
) {
  let silenceMs = 2 * (line.delayMs + line.jitterMs) + writePauseMs +
    readPauseMs;
  silenceMs += Math.max(resumesAtMs - atMs, 0);
  // A segment arrives as one.
  silenceMs += Math.min(line.maxSegmentBytes, MAX_BUFFER_BYTES) * 1000 /
    line.rate;
  // A segment is repeated after 200 ms, and then after twice as long each time.
  for (const [fromMs, toMs] of line.outages) {
    silenceMs += 2 * (toMs - fromMs) + 200;
  }
  if (line.loss > 0) silenceMs += line.loss > 0.01 ? 25_000 : 6000;
  return silenceMs;
}

/** The bytes a second that a client sends and reads at least. */
function rateOf(client: ClientPlan, world: Plan): number {
  const { line, readBytes, readPauseMs, writeBytes, writePauseMs } = client;
  const smallestBuffer = Math.min(
    client.host.receiveBufferBytes,
    client.host.sendBufferBytes,
    world.host.receiveBufferBytes,
    world.host.sendBufferBytes,
  );
  return Math.min(
    line.rate,
    readBytes * 1000 / readPauseMs,
    writeBytes * 1000 / writePauseMs,
    // A buffer is sent at most once in each round trip.
    smallestBuffer * 1000 / (3 * (line.delayMs + line.jitterMs) + 1),
  );
}

/** The replies that a client may get to a message, not framed. */
export function allowedReplies(
  world: World,
  seen: Seen,
  message: string,
  isComplete: boolean,
): string[] {
  const { plan } = world;
  const { server, handler } = plan;
  const codes: string[] = [];
  const isOdd = message.length % 2 === 1;
  const isTooLarge = message.length > server.maxBytes;
  const replies: string[] = [];
  if (isTooLarge) {
    codes.push(server.framing === "count" ? "bad count" : "too large");
    // The last bytes may be the start of the marker, which does not count.
    if (!isComplete) codes.push("no end");
  } else if (!isComplete) {
    codes.push(
      server.framing === "count"
        ? `got ${message.length} of ${message.length + 3} bytes`
        : "no end",
    );
    if (server.framing === "count") codes.push("bad count");
  } else if (isOdd && handler === "refuses") codes.push("refused");
  else if (isOdd && (handler === "throws" || handler === "rejects")) {
    codes.push("failed");
  } else if (isOdd && handler === "stops") {
    // What was sent before cannot be taken back.
    if (message.length === 0 || server.framing === "count") {
      codes.push("failed");
    } else replies.push(replyText(plan, message));
  } else replies.push(replyText(plan, message));
  if (mayBeBusy(world, seen)) codes.push("busy");
  // Within the grace, messages are answered.
  if (world.graceEndsAtMs <= seen.doneAtMs) codes.push("shutting down");
  if (mayTimeOut(world, seen)) codes.push("timed out");
  return [...replies, ...codes.map((code) => `ERROR:${code}!`)];
}

/** Whether the server was full, or may have had no memory left. */
export function mayBeBusy(
  { network, plan, reports }: World,
  { ports }: Seen,
): boolean {
  const { maxConnections, maxBufferedBytes } = plan.server;
  if (maxBufferedBytes < 2 ** 24) return true;
  if (network.accepted.size <= maxConnections) return false;
  return ports.some((port) => {
    const atMs = network.accepted.get(port)?.atMs ?? 0;
    let taken = 0;
    for (const [otherPort, other] of network.accepted) {
      // Who was refused has no place.
      if (reports.get(otherPort)?.outcome === "busy") continue;
      // A place is free a moment after the connection has closed.
      const untilMs = other.conn.socket.closedAtMs + TOLERANCE_MS;
      if (other.atMs <= atMs && untilMs >= atMs) taken++;
    }
    return taken >= maxConnections;
  });
}

/** Whether bytes came so slowly that a time limit of reading may have passed. */
export function mayTimeOut(world: World, { ports }: Seen): boolean {
  const { idleTimeout, messageTimeout } = world.plan.server;
  return ports.some((port) => {
    const accepted = world.network.accepted.get(port);
    if (accepted === undefined) return false;
    const { arrivals, closedAtMs, halfClosedAtMs } = accepted.conn.socket;
    const untilMs = Math.min(closedAtMs, halfClosedAtMs);
    let lastMs = accepted.atMs;
    for (const { atMs } of [...arrivals, { atMs: untilMs }]) {
      if (idleTimeout > 0 && atMs - lastMs >= idleTimeout - 1) return true;
      lastMs = atMs;
    }
    return messageTimeout > 0 &&
      untilMs - accepted.atMs >= messageTimeout - 1;
  });
}
