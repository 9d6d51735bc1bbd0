/**
 * What a client has to bear: the replies that it may get to its messages, and
 * the reasons to get none.
 *
 * @module
 */
import type { Seen } from "./clients.ts";
import { replyText } from "./messages.ts";
import type { ClientPlan, Plan } from "./plan.ts";
import type { World } from "./world.ts";

/** A client cannot learn that the server has gone if its line is dead. */
export function isCutOff({ sockets }: Seen): boolean {
  return sockets.some(({ line }) => line.isForgotten || line.hasLostReset);
}

/** The largest buffer of a simulated host, in bytes. */
const MAX_BUFFER_BYTES = 32_768;

/** Whether the server was shut down before this client was done. */
export function meetsShutdown(
  { shutdownAtMs }: World,
  { doneAtMs }: Seen,
): boolean {
  return shutdownAtMs <= doneAtMs;
}

/** Whether there are reasons for a client to get no complete reply. */
export function mayGoWithout(world: World, seen: Seen): boolean {
  const { backlog, descriptors } = world.plan.host;
  const { plan } = world;
  return meetsShutdown(world, seen) || backlog < 511 ||
    descriptors < Infinity ||
    isHarsh(world, seen) || plan.handler === "stops" ||
    isShort(world);
}

/** Whether places or memory run short at times. */
function isShort({ plan: { server, clients } }: World): boolean {
  return server.maxConnections <= clients.length * 4 / 3 ||
    server.maxBufferedBytes < 2 ** 24;
}

/** Whether the limits of the server or the line are too hard on this client. */
function isHarsh({ plan }: World, { plan: client }: Seen): boolean {
  const { server } = plan;
  const { line } = client;
  // With keep-alive, who sends ahead has to read at the same time.
  if (server.keepAlive && client.kind === "first") return true;
  if (line.halfClose !== "pass" || line.forgetsAfterMs < Infinity) return true;
  // The silence must be well below the limits on it.
  const silenceMs = 1.25 * longestSilenceMs(client) + 200;
  const limits = [server.idleTimeout, server.lingerTimeout];
  if (limits.some((limit) => limit > 0 && silenceMs > limit)) return true;
  // Where the server allows for no rate at all, it is patient for an hour.
  return rateOf(client, plan) < 2 * server.minRate;
}

/** The longest time for which nothing of a client arrives, in ms. */
export function longestSilenceMs(
  { line, writePauseMs, readPauseMs }: ClientPlan,
) {
  let silenceMs = 2 * (line.delayMs + line.jitterMs) + writePauseMs +
    readPauseMs;
  // A segment arrives as one.
  silenceMs += Math.min(line.maxSegmentBytes, MAX_BUFFER_BYTES) * 1000 /
    line.rate;
  // The time-out of a segment doubles each time that it is lost.
  for (const [fromMs, toMs] of line.outages) silenceMs += 2 * (toMs - fromMs);
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
  const isAfterGrace = server.grace > 0 &&
    world.shutdownAtMs + server.grace <= seen.doneAtMs;
  if (isAfterGrace) codes.push("shutting down");
  if (mayTimeOut(world, seen)) codes.push("timed out");
  return [...replies, ...codes.map((code) => `ERROR:${code}!`)];
}

/** Whether the server was full, or may have had no memory left. */
function mayBeBusy({ network, plan }: World, { ports }: Seen): boolean {
  const { maxConnections, maxBufferedBytes } = plan.server;
  return maxBufferedBytes < 2 ** 24 ||
    ports.some((port) =>
      (network.accepted.get(port)?.open ?? 0) > maxConnections
    );
}

/** Whether bytes came so slowly that a time limit of reading may have passed. */
function mayTimeOut(world: World, { ports }: Seen): boolean {
  const { idleTimeout, messageTimeout } = world.plan.server;
  return ports.some((port) => {
    const accepted = world.network.accepted.get(port);
    if (accepted === undefined) return false;
    const { arrivals, closedAtMs } = accepted.conn.socket;
    let lastMs = accepted.atMs;
    for (const { atMs } of [...arrivals, { atMs: closedAtMs }]) {
      if (idleTimeout > 0 && atMs - lastMs >= idleTimeout - 1) return true;
      lastMs = atMs;
    }
    return messageTimeout > 0 &&
      closedAtMs - accepted.atMs >= messageTimeout - 1;
  });
}
