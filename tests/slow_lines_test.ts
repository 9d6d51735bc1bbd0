// Lines that are slow, lossy or broken for a while, with the default limits and
// the numbers of real lines. Time runs faster here, so that minutes pass in
// seconds: see fasterTime().

import { assertEquals } from "@std/assert";
import type { ServeOptions } from "../mod.ts";
import { fasterTime } from "./faster_time.ts";
import { LocalServer } from "./local_server.ts";
import { needsNet } from "./options.ts";
import { type Line, Relay } from "./relay.ts";
import { connectTo, ordinaryClient, readText, writeAll } from "./sockets.ts";

const MIB = 1024 * 1024;
const KBIT = 1000 / 8;
const CLIENTS = 100;

/** A client: sends this to this port, and returns the reply. */
type Client = (port: number, data: string | Uint8Array) => Promise<string>;

/** Reads while it writes. A failed write is not the end: a reply may come. */
async function readingClient(
  port: number,
  data: string | Uint8Array,
): Promise<string> {
  using conn = await connectTo(port);
  const sending = writeAll(conn, data)
    .then(() => conn.closeWrite())
    .catch(() => {});
  const reply = await readText(conn);
  await sending;
  return reply;
}

/** Clients that take a failed write for the end, and clients that do not. */
const CLIENT_KINDS: [string, Client][] = [
  ["a client that writes, then reads", ordinaryClient],
  ["a client that reads while it writes", readingClient],
];

/** What clients send, and the reply that each of them has to get. */
interface Conversation {
  readonly name: string;
  readonly data: string | Uint8Array;
  readonly reply: string;
  readonly options?: ServeOptions;
}

const SMALL: Conversation[] = [
  { name: "5 B", data: "a1234<END>", reply: "a1234a1234" },
  { name: "no marker", data: "a1234", reply: "ERROR:no end!" },
  {
    name: "100 kB",
    data: `${"x".repeat(100_000)}<END>`,
    reply: "x".repeat(200_000),
  },
];

const LARGE: Conversation[] = [
  {
    name: "1 MiB after the marker",
    data: `a1234<END>${"x".repeat(MIB)}`,
    reply: "a1234a1234",
  },
  {
    name: "1 MiB refused at 64 KiB",
    data: new Uint8Array(MIB),
    reply: "ERROR:too large!",
    options: { maxBytes: 64 * 1024 },
  },
];

/** How often each reply came: a long one stands for itself by its length. */
function tally(replies: PromiseSettledResult<string>[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const reply of replies) {
    const text = reply.status === "fulfilled"
      ? summary(reply.value)
      : `${reply.reason}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts];
}

function summary(reply: string): string {
  return reply.length < 100 ? reply : `${reply.length} × ${reply[0]}`;
}

/** Has all clients of one kind get their reply over a line, at a time. */
async function assertNoneIsLost(
  line: Line,
  { data, reply, options }: Conversation,
  client: Client,
): Promise<void> {
  await using server = new LocalServer(options);
  await using relay = new Relay(server.port, line);
  const replies = await Promise.allSettled(
    Array.from({ length: CLIENTS }, () => client(relay.port, data)),
  );
  assertEquals(tally(replies), [[summary(reply), CLIENTS]]);
  // Some writes of the clients went no further than to buffers of the kernel.
  await relay.quiet();
  assertEquals(relay.serverResets, 0);
  await server.report(CLIENTS - 1);
  assertEquals(server.reports.filter(({ replyLost }) => replyLost), []);
}

/** Lines, how much faster than in reality, and the conversations. */
const LINES: [string, Line, number, Conversation[]][] = [
  ["that loses 20 %", { delayMs: 50, loss: 0.2 }, 20, SMALL],
  ["of 128 kbit/s", { bytesPerSecond: 128 * KBIT }, 40, LARGE],
  // TCP backs off: after an outage of 3 s nothing may come for up to 6 s.
  [
    "that is silent for 6 s",
    { outage: { afterBytes: 128 * 1024, ms: 6_000 } },
    20,
    LARGE,
  ],
  [
    "that is silent for 16 s",
    { outage: { afterBytes: 128 * 1024, ms: 16_000 } },
    10,
    LARGE,
  ],
];

for (const [name, line, factor, conversations] of LINES) {
  Deno.test(
    needsNet(`serve() loses no reply over a line ${name}`, { timeout: 50_000 }),
    async (t) => {
      using _ = fasterTime(factor);
      for (const conversation of conversations) {
        for (const [kind, client] of CLIENT_KINDS) {
          await t.step(
            `${conversation.name}, ${kind}`,
            () => assertNoneIsLost(line, conversation, client),
          );
        }
      }
    },
  );
}

Deno.test(
  needsNet("serve() writes to a slow reader that never stops reading"),
  async () => {
    using _ = fasterTime(100);
    const reply = "r".repeat(8 * MIB);
    await using server = new LocalServer({}, () => reply);
    // Of the kernel's send buffer a third has to be free before it accepts
    // more: that takes longer than idleTimeout at this rate.
    await using relay = new Relay(server.port, { bytesPerSecond: 192 * KBIT });
    const replies = await Promise.allSettled(
      Array.from({ length: 8 }, () => ordinaryClient(relay.port, "a<END>")),
    );
    assertEquals(tally(replies), [[summary(reply), 8]]);
  },
);
