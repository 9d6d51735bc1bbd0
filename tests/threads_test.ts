import { assert, assertEquals } from "@std/assert";
import { needsRun } from "./options.ts";
import { startServer } from "./scripts.ts";
import {
  connectTo,
  ordinaryClient,
  readLength,
  readText,
  writeAll,
} from "./sockets.ts";

const MARKER = "SERVER WRONG MARKER";

Deno.test(
  needsRun("server.ts --parallel serves in two threads as in one"),
  async () => {
    const flags = ["--log=json", "--parallel=2", "--max-bytes=1MiB"];
    await using server = await startServer(flags);
    const { port } = server;
    const megabyte = "m".repeat(1_000_000);
    for (let round = 0; round < 20; round++) {
      const replies = await Promise.all([
        ...Array.from({ length: 10 }, () => ordinaryClient(port, `a${MARKER}`)),
        ordinaryClient(port, megabyte + MARKER),
        ordinaryClient(port, "never ended"),
        ordinaryClient(port, "x".repeat(2_000_000)),
      ]);
      assertEquals(replies.slice(0, 10), Array(10).fill("aa"));
      assert(replies[10] === megabyte + megabyte);
      assertEquals(replies.slice(11), ["ERROR:no end!", "ERROR:too large!"]);
    }
    const { code, stderr } = await server.stop();
    const lines = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
    const counts = { "ok": 220, "no end": 20, "too large": 20 };
    assertEquals(lines.pop().conversations, counts);
    assertEquals(lines.filter(({ outcome }) => outcome).length, 260);
    assertEquals(code, 0);
  },
);

Deno.test(
  needsRun("server.ts --parallel has one limit for all threads"),
  async () => {
    const flags = ["--keep-alive", "--marker=;", "--max-connections=100"];
    const logged = ["--log=json", "--parallel=2"];
    await using server = await startServer([...flags, ...logged]);
    const { port } = server;
    const conns: Deno.Conn[] = [];
    for (let count = 0; count < 100; count++) conns.push(await connectTo(port));
    // Each thread accepts in its own time. The reply is the event that tells
    // that a connection was accepted and counted. With the first message comes
    // the start of the second, so that the connection is not idle after it.
    await Promise.all(conns.map(async (conn) => {
      await writeAll(conn, "a;b");
      assertEquals(await readLength(conn, 3), "aa;");
    }));
    assertEquals(await ordinaryClient(port, "c;"), "ERROR:busy!;");
    server.kill("SIGTERM");
    for (const conn of conns) {
      await writeAll(conn, ";");
      await conn.closeWrite();
      assertEquals(await readText(conn), "bb;");
      conn.close();
    }
    const { code, stderr } = await server.finished;
    const summary = JSON.parse(stderr.trimEnd().split("\n").at(-1)!);
    assertEquals(summary.conversations, { ok: 100, busy: 1 });
    assertEquals(code, 0);
  },
);
