import { assertEquals, assertRejects } from "@std/assert";
import { freshBlocks, ReadBuffer } from "../framing/read_buffer.ts";
import {
  KEEPING,
  ONCE,
  scriptedConnection,
} from "../tests/scripted_connection.ts";
import { Deadline, DeadlineTimer } from "./deadline.ts";
import { Phases } from "./phases.ts";
import { Transport } from "./transport.ts";

Deno.test.each([{ greeting: undefined }, { greeting: "hello" }])(
  "ServerConnection fails when no memory can be allocated: greeting $greeting",
  async ({ greeting }) => {
    for (const options of [ONCE, KEEPING]) {
      const { connection, pool, settle, isClosed, pass, send } =
        scriptedConnection(
          greeting === undefined ? options : { ...options, greeting },
        );
      pool.acquire = () => {
        throw new RangeError("Array buffer allocation failed");
      };
      const report = connection.run();
      await settle();
      await settle();
      const wasClosed = isClosed();
      await send(null);
      await pass(9000);
      assertEquals([(await report).outcome, wasClosed], ["failed", true]);
    }
  },
);

Deno.test("Transport.waitFor() rejects when the peer is gone, though it was interrupted", async () => {
  const timer = new DeadlineTimer([800], new Set());
  const times = {
    idleTimeoutMs: 1000,
    messageTimeoutMs: 1000,
    lingerTimeoutMs: 800,
    minRate: 1000,
  };
  const conn = { close: () => {} } as unknown as Deno.Conn;
  const transport = new Transport(
    conn,
    new ReadBuffer(freshBlocks, 1000),
    new Deadline(timer),
    new Phases(times, timer),
  );
  transport.interrupt("shutting down");
  const gone = new Error("gone");
  transport.markPeerGone(gone);
  await assertRejects(
    () => transport.waitFor(new Promise<never>(() => {})),
    Error,
    "gone",
  );
});

// A server that is full closes the connection that lingers longest.
Deno.test("a connection whose end is not taken gives up its place", async () => {
  const { connection, send, holdWrites, lingering } = scriptedConnection({
    ...KEEPING,
    onConversation: () => {},
  });
  const report = connection.run();
  const write = holdWrites();
  await send(null);
  const { size } = lingering;
  write();
  await report;
  assertEquals(size, 1);
});
