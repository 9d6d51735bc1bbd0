/**
 * What happens in one simulated world. A seed determines it; it is plain data,
 * so that a failing world can be made smaller, and printed.
 *
 * @module
 */
import { type LinePlan, PERFECT_LINE } from "./line.ts";
import type { ServerHost } from "./network.ts";
import { Random } from "../random.ts";
import type { HostPlan } from "./socket.ts";

/** The options of the server that matter here. */
export interface ServerPlan {
  framing: "end" | "count";
  end: string;
  replyEnd: string | undefined;
  keepAlive: boolean;
  maxBytes: number;
  idleTimeout: number;
  messageTimeout: number;
  lingerTimeout: number;
  minRate: number;
  maxConnections: number;
  maxBufferedBytes: number;
  grace: number;
}

/** One message of a client. */
export interface MessagePlan {
  byteLength: number;
  /** Whether its end marker follows, or its count is right. */
  isComplete: boolean;
}

/** Clients that stay to the end of the conversation, and read their replies. */
export const HONEST_KINDS = [
  /** Writes everything, half-closes, then reads; a failed write is the end. */
  "first",
  /** Reads while it writes. */
  "rw",
  /** Half-closes after the reply. */
  "after",
  /** The client of this project, with a connection for each message. */
  "sendData",
  /** The client of this project, with one connection; sends ahead. */
  "connect",
] as const;

/** Clients that do what they like. */
export const HOSTILE_KINDS = [
  "silent",
  "drips",
  "never reads",
  "resets",
  "closes",
  "floods",
  /** Sends a byte a second, whatever the server says. */
  "stays",
  "leaves before accept",
] as const;

/** One client. */
export interface ClientPlan {
  id: number;
  kind: typeof HONEST_KINDS[number] | typeof HOSTILE_KINDS[number];
  atMs: number;
  messages: MessagePlan[];
  /** When it goes on after its first message, in ms; at once, if 0. */
  resumesAtMs: number;
  /** Bytes that nobody asked for, after the last message. */
  extraBytes: number;
  /** Bytes of each write, and the pause after it. */
  writeBytes: number;
  writePauseMs: number;
  /** Bytes of each read, and the pause after it. */
  readBytes: number;
  readPauseMs: number;
  /** Calls on the socket before a client that leaves does so. */
  callsBeforeLeaving: number;
  /** Whether requests of one connection do not wait for each other's reply. */
  sendsAhead: boolean;
  /** Whether the client of this project gets its messages as streams. */
  streams: boolean;
  /** When the signal of a client of this project aborts, after its start. */
  abortsAfterMs: number;
  host: HostPlan;
  line: LinePlan;
}

/** How a handler makes its reply. */
export const HANDLERS = [
  "at once",
  "later",
  "list",
  "generator",
  "stream",
  "large",
  "refuses",
  "throws",
  "rejects",
  "hangs",
  "stops",
  "keeps reading",
] as const;

/** One world. */
export interface Plan {
  seed: number;
  server: ServerPlan;
  host: ServerHost;
  handler: typeof HANDLERS[number];
  handlerMs: number;
  replyBytes: number;
  clients: ClientPlan[];
  /** When the server is busy with something else: from, and for how long. */
  stalls: [number, number][];
  /** When the server is shut down; after the last client, if infinite. */
  shutdownAtMs: number;
  /** When the server is aborted. */
  abortAtMs: number;
}

/** A plan as one line of text. */
export function printPlan(plan: Plan): string {
  // JSON has no infinity.
  return JSON.stringify(
    plan,
    (_key, value) => value === Infinity ? "Infinity" : value,
  );
}

/** The plan that this line of text describes. */
export function parsePlan(text: string): Plan {
  return JSON.parse(
    text,
    (_key, value) => value === "Infinity" ? Infinity : value,
  );
}

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
  if (hasSlowReaders) {
    Object.assign(server, {
      ...{ minRate: 2000, idleTimeout: 1000, maxBytes: 3000 },
      keepAlive: false,
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
  const grace = server.grace;
  const shutdownAtMs = random.chance(0.3)
    ? random.next() * (spanMs + 3000)
    : Infinity;
  if (server.keepAlive && shutdownAtMs < Infinity && random.chance(0.5)) {
    for (const client of clients) {
      // Further messages meet the end of an idle connection, or of the grace.
      const ms = random.next() * 700 + random.pick([0, 0, grace]);
      if (random.chance(0.5)) client.resumesAtMs = shutdownAtMs + ms;
    }
  }
  const stalls: [number, number][] = [];
  if (random.chance(0.2)) {
    stalls.push([random.next() * spanMs, random.magnitude(10, 2000)]);
  } else if (shutdownAtMs < Infinity && random.chance(0.3)) {
    // The end of the grace falls into it.
    const ms = random.magnitude(1, 500);
    stalls.push([shutdownAtMs + grace - ms * random.next(), ms]);
  }
  return {
    seed,
    server,
    host: {
      ...hostPlan(random),
      ...(hasSlowReaders && { sendBufferBytes: random.int(16_000, 32_000) }),
      resetPurges: false,
      backlog: random.chance(0.1) ? random.int(1, 4) : 511,
      descriptors: random.chance(0.05) ? random.int(2, 8) : Infinity,
      keepAliveMs: random.pick([45_000, 7.2e6]),
    },
    handler: hasSlowReaders ? "large" : random.pick(HANDLERS),
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
