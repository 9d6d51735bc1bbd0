/**
 * The world of a seed: what its server, its clients and their lines are like.
 *
 * @module
 */
import { type LinePlan, PERFECT_LINE } from "./line.ts";
import {
  type ClientPlan,
  CONVERSING_HANDLERS,
  HANDLERS,
  HONEST_KINDS,
  HOSTILE_KINDS,
  type Plan,
  type ServerPlan,
} from "./plan.ts";
import { Random } from "../random.ts";
import type { HostPlan } from "./socket.ts";

const MARKERS = ["\n", "\r\n", "END", "aab", "--x--", "ab\nab"];

/** The world of a seed. */
export function planOf(seed: number): Plan {
  const random = new Random(seed);
  const server = serverPlan(random);
  const isCrowded = random.chance(1 / 500);
  const conversations = isCrowded ? 300 : 12;
  if (isCrowded) server.maxConnections = random.int(1, 6);
  const spanMs = random.magnitude(isCrowded ? 1000 : 1, 5000);
  const kinds = random.chance(0.3)
    ? HONEST_KINDS
    : [...HONEST_KINDS, ...HONEST_KINDS, ...HOSTILE_KINDS];
  const hasSlowReaders = random.chance(1 / 30);
  // The end of the grace meets the writing of replies, before one that hangs.
  const meetsWrites = !hasSlowReaders && random.chance(1 / 40);
  if (hasSlowReaders) {
    Object.assign(server, {
      ...{ minRate: 2000, idleTimeout: 1000, maxBytes: 3000 },
      keepAlive: false,
    });
  } else if (meetsWrites) {
    Object.assign(server, {
      ...{ minRate: 500, idleTimeout: 10_000, maxBytes: 3000 },
      ...{ keepAlive: true, converses: false, grace: 100 },
    });
  }
  const isGentle = isCrowded || random.chance(0.5);
  const clients = Array.from(
    { length: conversations },
    (_, id) =>
      clientPlan(
        random,
        server,
        id,
        // A crowd comes first, and stays.
        random.next() * (isCrowded && id >= 12 ? 500 : spanMs),
        isCrowded && id >= 12 ? "stays" : random.pick(kinds),
        isGentle,
      ),
  );
  if (hasSlowReaders) clients.forEach((client) => readSlowly(random, client));
  if (meetsWrites) clients.forEach((client) => sendMany(random, client));
  if (!server.keepAlive) server.converses = false;
  const grace = server.grace;
  const hasShutdown = meetsWrites || random.chance(0.3);
  const shutdownAtMs = hasShutdown
    ? random.next() * (meetsWrites ? 1500 : spanMs + 3000)
    : Infinity;
  if (server.keepAlive && hasShutdown && !meetsWrites && random.chance(0.5)) {
    for (const client of clients) {
      // Further messages meet the end of an idle connection, or of the grace.
      const ms = random.next() * 700 + random.pick([0, 0, grace]);
      if (random.chance(0.5)) continue;
      client.resumesAtMs = shutdownAtMs + ms;
      if (isGentle || random.chance(0.5)) continue;
      // So does an outage, and the reply before is on its way for long.
      const toMs = shutdownAtMs + random.magnitude(1000, 20_000);
      client.line.outages = [[shutdownAtMs - 300 * random.next(), toMs]];
      client.line.loss = 0;
    }
  }
  const stalls: [number, number][] = [];
  if (random.chance(0.2)) {
    stalls.push([random.next() * spanMs, random.magnitude(10, 2000)]);
  } else if (shutdownAtMs < Infinity && random.chance(0.3)) {
    // The shutdown, or the end of the grace, falls into it.
    const ms = random.magnitude(1, 500);
    const meetsMs = shutdownAtMs + random.pick([0, grace]);
    stalls.push([meetsMs - ms * random.next(), ms]);
  }
  return {
    seed,
    server,
    host: {
      ...hostPlan(random),
      ...(hasSlowReaders && { sendBufferBytes: random.int(16_000, 32_000) }),
      ...(meetsWrites && { sendBufferBytes: random.int(300, 600) }),
      resetPurges: false,
      backlog: random.chance(0.1) ? random.int(1, 4) : 511,
      descriptors: random.chance(0.05) ? random.int(2, 8) : Infinity,
      keepAliveMs: random.pick([45_000, 7.2e6]),
    },
    handler: meetsWrites
      ? "hangs"
      : hasSlowReaders
      ? "large"
      : random.pick(server.converses ? CONVERSING_HANDLERS : HANDLERS),
    handlerMs: clients.some(({ messages }) => messages.length >= 65)
      ? random.pick([0, 1, 10])
      : random.pick([0, 1, 10, 100, 1000, 4000]),
    replyBytes: hasSlowReaders
      ? random.int(30_000, 80_000)
      : random.magnitude(1, random.chance(0.3) ? 60_000 : 3000),
    clients,
    stalls,
    shutdownAtMs,
    abortAtMs: random.chance(0.05) ? random.next() * (spanMs + 3000) : Infinity,
  };
}

/** Has a client read a large reply as slowly as the server has to bear. */
function readSlowly(random: Random, client: ClientPlan): void {
  client.line = {
    ...PERFECT_LINE,
    delayMs: 5,
    maxSegmentBytes: 1460,
    rate: random.magnitude(4200, 10_000),
  };
  client.extraBytes = 0;
  client.readPauseMs = client.writePauseMs = 0;
}

/** Has a slow reader send messages that are answered, and one that hangs. */
function sendMany(random: Random, client: ClientPlan): void {
  const count = client.kind === "sendData" ? 1 : random.int(30, 60);
  Object.assign(client, {
    messages: Array.from({ length: count }, (_, index) => ({
      byteLength: 2 * random.int(20, 60) + (index === count - 1 ? 1 : 0),
      isComplete: true,
    })),
    line: { ...PERFECT_LINE, delayMs: random.int(0, 5) },
    host: { ...client.host, receiveBufferBytes: 1024 },
    ...{ atMs: random.next() * 100, sendsAhead: true, extraBytes: 0 },
    ...{ writeBytes: 20_000, writePauseMs: 0 },
    ...{ readBytes: random.int(40, 100), readPauseMs: 20 },
  });
}

function serverPlan(random: Random): ServerPlan {
  const keepAlive = random.chance(0.5);
  const framing = random.chance(0.25) ? "count" : "end";
  const end = random.pick(MARKERS);
  // Defaults as often as everything else together: they are what people run.
  const isDefault = random.chance(0.5);
  return {
    framing,
    end,
    replyEnd: random.chance(0.5) ? random.pick(MARKERS) : undefined,
    keepAlive,
    converses: keepAlive && random.chance(0.3),
    maxBytes: random.pick([1, 10, 100, 1000, 3000]),
    idleTimeout: isDefault ? 30_000 : random.pick([100, 500, 2000, 5000, 0]),
    messageTimeout: isDefault
      ? 300_000
      : random.pick([200, 1000, 4000, 20_000, 0]),
    lingerTimeout: isDefault ? 20_000 : random.pick([300, 2000, 8000, 0]),
    minRate: isDefault ? 2000 : random.pick([0, 100, 10_000]),
    maxConnections: random.chance(0.25) ? random.int(1, 6) : 10_000,
    maxBufferedBytes: random.chance(0.25) ? 2 ** 21 : 2 ** 24,
    grace: random.pick([0, 100, 2000, 10_000, 10_000]),
  };
}

function hostPlan(random: Random): HostPlan {
  return {
    sendBufferBytes: random.magnitude(256, 16_384),
    receiveBufferBytes: random.magnitude(1024, 16_384),
    resetPurges: random.chance(0.3),
  };
}

function clientPlan(
  random: Random,
  server: ServerPlan,
  id: number,
  atMs: number,
  kind: ClientPlan["kind"],
  isGentle: boolean,
): ClientPlan {
  const mayBeMany = server.keepAlive && kind !== "sendData";
  const isMany = mayBeMany && random.chance(0.03);
  // More than the server answers in one turn.
  const few = mayBeMany ? random.int(1, 5) : 1;
  const count = isMany ? random.int(65, 200) : few;
  const isWhole = isGentle || random.chance(0.7);
  const isSlow = !isGentle && random.chance(0.2);
  const line = isGentle ? gentleLine(random) : linePlan(random, atMs);
  let extraBytes = random.chance(0.1) ? random.magnitude(1, 10_000) : 0;
  if (line.rate < 20_000 && random.chance(0.7)) {
    // An upload that goes on for long after its message, perhaps with a pause.
    const uploadMs = random.magnitude(1000, 60_000);
    extraBytes = Math.ceil(Math.min(line.rate * uploadMs / 1000, 200_000));
    line.maxSegmentBytes = 1460;
    if (random.chance(0.5)) {
      const fromMs = atMs + random.next() * uploadMs;
      line.outages = [[fromMs, fromMs + random.magnitude(1000, 8000)]];
      line.loss = 0;
    }
  }
  return {
    id,
    kind,
    atMs,
    messages: Array.from({ length: count }, (_, index) => ({
      byteLength: isMany
        ? random.int(0, Math.min(server.maxBytes, 20))
        : messageSize(random, server.maxBytes),
      isComplete: isWhole || index < count - 1,
    })),
    resumesAtMs: 0,
    extraBytes,
    writeBytes: random.magnitude(1, 20_000) + (isSlow ? 0 : 200),
    writePauseMs: isSlow ? random.magnitude(1, 50) : 0,
    readBytes: random.magnitude(1, 20_000) + (isSlow ? 20 : 200),
    readPauseMs: isSlow ? random.magnitude(1, 10) : 0,
    callsBeforeLeaving: random.int(0, 12),
    sendsAhead: isMany || random.chance(0.5),
    streams: random.chance(1 / 3),
    abortsAfterMs: random.chance(0.03) ? random.magnitude(1, 3000) : Infinity,
    host: hostPlan(random),
    line,
  };
}

function messageSize(random: Random, maxBytes: number): number {
  if (random.chance(0.1)) return maxBytes;
  if (random.chance(0.1)) return maxBytes + random.int(1, 3);
  if (random.chance(0.05)) return maxBytes * 4;
  return Math.min(random.magnitude(1, 1000) - 1, maxBytes);
}

function gentleLine(random: Random): LinePlan {
  return {
    ...PERFECT_LINE,
    delayMs: random.pick([0, 0, 0.1, 2, 20]),
    jitterMs: random.pick([0, 0, 0.1]),
    maxSegmentBytes: random.pick([40, 100, 1460, 65_536]),
  };
}

function linePlan(random: Random, atMs: number): LinePlan {
  const line = { ...gentleLine(random), delayMs: random.pick([1, 20, 300]) };
  if (random.chance(0.3)) line.jitterMs = line.delayMs / 2;
  if (random.chance(0.2)) line.rate = random.magnitude(4200, 200_000);
  const isLossy = random.chance(0.2);
  if (isLossy) line.loss = random.pick([0.01, 0.05]);
  if (!isLossy && random.chance(0.25)) {
    const fromMs = atMs + random.magnitude(1, 3000);
    line.outages = [[fromMs, fromMs + random.magnitude(10, 8000)]];
  }
  if (random.chance(0.06)) line.halfClose = random.pick(["hold", "close"]);
  if (random.chance(0.04)) line.forgetsAfterMs = random.pick([500, 60_000]);
  return line;
}
