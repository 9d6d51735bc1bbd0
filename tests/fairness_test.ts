// Limits by the address of a client, and clients that are not allowed.

import { assert, assertEquals } from "@std/assert";
import { Folder } from "../paths/running.ts";
import { LocalServer, MARKER } from "./local_server.ts";
import { needsNet, needsRun } from "./options.ts";
import type { Program } from "./programs.ts";
import { FILE_PERMISSIONS, startServer } from "./scripts.ts";
import {
  clientFrom,
  connectTo,
  ordinaryClient,
  readLength,
  readText,
  writeAll,
} from "./sockets.ts";

const BUSY = "ERROR:busy!;";

/** The last line of a JSON log: the totals. Of all others, the outcomes. */
async function loggedBy(server: Program) {
  const { code, stderr } = await server.stop();
  assertEquals(code, 0);
  const lines = stderr.trimEnd().split("\n").map((text) => JSON.parse(text));
  const totals: Record<string, number> = lines.pop().conversations;
  return { totals, lines };
}

Deno.test(
  needsRun("server.ts --max-per-address has one limit for all threads"),
  async () => {
    await using server = await startServer([
      ...["--keep-alive", "--marker=;", "--max-per-address=20"],
      ...["--log=json", "--parallel=2"],
    ]);
    const { port } = server;
    const conns: Deno.Conn[] = [];
    for (let count = 0; count < 20; count++) conns.push(await connectTo(port));
    // The reply tells that a connection was accepted and counted.
    for (const conn of conns) {
      await writeAll(conn, "a;");
      assertEquals(await readLength(conn, 3), "aa;");
    }
    for (let count = 0; count < 10; count++) {
      assertEquals(await ordinaryClient(port, "c;"), BUSY);
      assertEquals(await clientFrom("127.0.0.2", port, "c;"), "cc;");
    }
    for (const conn of conns.slice(0, 5)) {
      await conn.closeWrite();
      assertEquals(await readText(conn), "");
    }
    // A connection counts until its end was noticed.
    for (let served = 0; served < 5;) {
      const reply = await ordinaryClient(port, "d;");
      if (reply === "dd;") served++;
      else assertEquals(reply, BUSY);
    }
    for (const conn of conns) conn.close();
    const { totals } = await loggedBy(server);
    assertEquals(totals.ok, 35);
    assert(totals.busy! >= 10);
  },
);

Deno.test(
  needsNet("serve() serves others while one client has too many connections"),
  async () => {
    const options = { maxPerAddress: 1, maxConnections: 10, keepAlive: true };
    await using server = new LocalServer(options);
    const { port } = server;
    using holder = await connectTo(port);
    await writeAll(holder, `a${MARKER}`);
    await readLength(holder, 2 + MARKER.length);
    // They do not leave: more than the places, and than the refusals.
    const flood = await Promise.all(
      Array.from({ length: 300 }, () => connectTo(port)),
    );
    for (let number = 2; number < 12; number++) {
      const reply = await clientFrom(`127.0.0.${number}`, port, `a${MARKER}`);
      assertEquals(reply, `aa${MARKER}`);
    }
    for (const conn of flood) conn.close();
  },
);

Deno.test(
  needsRun(
    "server.ts --max-per-address does not count clients of a Unix socket",
  ),
  async () => {
    await using folder = await Folder.make();
    const path = `${folder.path}/socket`;
    await using _server = await startServer(
      [`--unix=${path}`, "--max-per-address=1", "--keep-alive", "--marker=;"],
      FILE_PERMISSIONS,
    );
    const conns: Deno.Conn[] = [];
    for (let count = 0; count < 5; count++) {
      const conn = await Deno.connect({ transport: "unix", path });
      conns.push(conn);
      await writeAll(conn, "a;");
      assertEquals(await readLength(conn, 3), "aa;");
    }
    for (const conn of conns) conn.close();
  },
);

Deno.test(
  needsRun(
    "server.ts --allow closes others without a byte, and bounds their lines",
  ),
  async () => {
    await using server = await startServer([
      ...["--allow=127.0.0.2", "--allow=127.0.1.0/24", "--allow=::/0"],
      ...["--keep-alive", "--marker=;", "--log=json"],
    ]);
    const { port } = server;
    assertEquals(await clientFrom("127.0.0.2", port, "a;"), "aa;");
    assertEquals(await clientFrom("127.0.1.255", port, "a;"), "aa;");
    assertEquals(await clientFrom("127.0.2.0", port, "a;"), "");
    for (let round = 0; round < 5; round++) {
      const strangers = Array.from({ length: 100 }, async () => {
        using conn = await connectTo(port);
        return await readText(conn).catch(() => "");
      });
      assertEquals(await Promise.all(strangers), Array(100).fill(""));
    }
    assertEquals(await clientFrom("127.0.0.2", port, "b;"), "bb;");
    const { totals, lines } = await loggedBy(server);
    // Some leave before they are accepted.
    const count = totals["not allowed"]!;
    assertEquals(totals, { "ok": 3, "not allowed": count });
    assert(count > 100, `${count}`);
    const listed = lines.filter(({ outcome }) => outcome === "not allowed");
    assert(listed.length < count);
    let unlisted = 0;
    for (const { note = "" } of lines) {
      unlisted += Number(
        /^(\d+) connections that were not allowed are not listed$/
          .exec(note)?.[1] ?? 0,
      );
    }
    assertEquals(listed.length + unlisted, count);
    assertEquals(listed[0].peer.split(":")[0], "127.0.2.0");
  },
);

Deno.test(
  needsNet("serve() with an empty allow serves no client"),
  async () => {
    await using server = new LocalServer({ allow: [] });
    const reply = await ordinaryClient(server.port, `a${MARKER}`)
      .catch(() => "");
    assertEquals(reply, "");
    const { outcome, bytesOut, replyLost } = await server.report();
    assertEquals([outcome, bytesOut, replyLost], ["not allowed", 0, false]);
  },
);
