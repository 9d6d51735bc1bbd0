import { assertEquals } from "@std/assert";
import { serve } from "../mod.ts";
import { fasterTime } from "./faster_time.ts";
import { LocalServer } from "./local_server.ts";
import { needsNet } from "./options.ts";
import {
  connectTo,
  ordinaryClient,
  readText,
  untilRefused,
  writeAll,
} from "./sockets.ts";

const NEVER = new Promise<string>(() => {});

Deno.test(
  needsNet("shutdown() lets open conversations finish, and refuses new ones"),
  async () => {
    const { server, port } = new LocalServer();
    using conn = await connectTo(port);
    await writeAll(conn, "a12");
    const finished = server.shutdown();
    assertEquals(server.shutdown(), finished);
    await untilRefused(port);
    await writeAll(conn, "34<END>");
    await conn.closeWrite();
    assertEquals(await readText(conn), "a1234a1234");
    await finished;
    await server.finished;
  },
);

Deno.test(
  needsNet("shutdown() serves all clients that were connected before"),
  async () => {
    const { server, port } = new LocalServer();
    const conns = await Promise.all(
      Array.from({ length: 100 }, () => connectTo(port)),
    );
    const finished = server.shutdown();
    for (const conn of conns) {
      await writeAll(conn, "a<END>");
      await conn.closeWrite();
      assertEquals(await readText(conn), "aa");
      conn.close();
    }
    await finished;
  },
);

Deno.test(
  needsNet("shutdown() with a grace of 0 lets conversations finish"),
  async () => {
    const { server, port } = new LocalServer({ grace: 0 });
    using conn = await connectTo(port);
    await writeAll(conn, "a12");
    // Connections are accepted in order: the first has been accepted.
    assertEquals(await ordinaryClient(port, "b<END>"), "bb");
    const finished = server.shutdown();
    await untilRefused(port);
    await writeAll(conn, "34<END>");
    await conn.closeWrite();
    assertEquals(await readText(conn), "a1234a1234");
    await finished;
  },
);

Deno.test(
  needsNet("shutdown() cuts a reply that has no end, 30 s after the grace"),
  async () => {
    using _ = fasterTime(20);
    const begun = Promise.withResolvers<void>();
    await using running = new LocalServer({ grace: 100 }, async function* () {
      yield "begun";
      begun.resolve();
      yield await NEVER;
    });
    const reply = ordinaryClient(running.port, "a<END>").catch(() => "cut");
    await begun.promise;
    await running.server.shutdown();
    const { durationMs } = await running.report();
    assertEquals(durationMs >= 30_000, true, `${durationMs} ms`);
    await reply;
  },
);

Deno.test(
  needsNet("shutdown() has an error reply after the grace period"),
  async () => {
    const { server, port, reports } = new LocalServer({ grace: 20 });
    using conn = await connectTo(port);
    await writeAll(conn, "a12");
    const finished = server.shutdown();
    assertEquals(await readText(conn), "ERROR:shutting down!");
    await conn.closeWrite();
    await finished;
    const outcomes = reports.map(({ outcome }) => outcome);
    assertEquals(outcomes, ["shutting down"]);
  },
);

Deno.test(
  needsNet("shutdown() aborts a handler's signal after the grace period"),
  async () => {
    const called = Promise.withResolvers<void>();
    let aborted = false;
    await using running = new LocalServer(
      { grace: 20 },
      (_message, { signal }) => {
        signal.addEventListener("abort", () => aborted = true);
        called.resolve();
        return NEVER;
      },
    );
    const reply = ordinaryClient(running.port, "a<END>");
    await called.promise;
    const finished = running.server.shutdown();
    assertEquals(await reply, "ERROR:shutting down!");
    await finished;
    assertEquals(running.reports[0]?.outcome, "shutting down");
    assertEquals(aborted, true);
  },
);

Deno.test(
  needsNet("serve() aborts conversations with its signal"),
  async () => {
    const controller = new AbortController();
    const { server, port, reports } = new LocalServer({
      signal: controller.signal,
    });
    using conn = await connectTo(port);
    await writeAll(conn, "a12");
    // Connections are accepted in order: when the next was answered, the
    // first has been accepted.
    assertEquals(await ordinaryClient(port, "b<END>"), "bb");
    controller.abort();
    await server.finished;
    assertEquals(await readText(conn).catch(() => "reset"), "");
    assertEquals(reports.at(-1)?.outcome, "aborted");
  },
);

Deno.test(
  needsNet("serve() ends when a handler aborts its signal"),
  async () => {
    const controller = new AbortController();
    const { server, port, reports } = new LocalServer(
      { signal: controller.signal },
      () => {
        controller.abort();
        return NEVER;
      },
    );
    await ordinaryClient(port, "a<END>").catch(() => {});
    await server.finished;
    assertEquals(reports.map(({ outcome }) => outcome), ["aborted"]);
  },
);

Deno.test(
  needsNet("serve() aborts connections that are accepted in that moment"),
  async () => {
    const controller = new AbortController();
    const server = serve(
      { port: 0, end: ";", signal: controller.signal },
      () => {
        controller.abort();
        return "late";
      },
    );
    const { port } = server.addr;
    const first = await connectTo(port);
    const others = Array.from({ length: 20 }, () => connectTo(port));
    await writeAll(first, "a;");
    // The idle limit, 30 s, is longer than the test may take.
    await server.finished;
    first.close();
    for (const other of await Promise.allSettled(others)) {
      if (other.status === "fulfilled") other.value.close();
    }
  },
);
