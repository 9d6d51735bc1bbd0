import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  connectTo,
  ordinaryClient,
  readText,
  runProgram,
  scriptTest,
  startServer,
  writeAll,
} from "./testing.ts";

const MARKER = "SERVER WRONG MARKER";

/** Milliseconds since it was made. */
function stopwatch(): () => number {
  const began = performance.now();
  return () => performance.now() - began;
}

function assertBetween(value: number, least: number, most: number): void {
  assert(value >= least && value <= most, `${least} < ${value} < ${most}`);
}

scriptTest("server.ts keeps its time limits", async () => {
  await using server = await startServer([
    "--idle-timeout=1",
    "--message-timeout=3",
    "--linger-timeout=1",
  ]);
  const silent = async () => {
    using conn = await connectTo(server.port);
    const passed = stopwatch();
    assertEquals(await readText(conn), "ERROR:timed out!");
    assertBetween(passed(), 900, 2000);
  };
  const dripping = async () => {
    using conn = await connectTo(server.port);
    const passed = stopwatch();
    const drip = setInterval(() => conn.write(new Uint8Array(1)), 300);
    try {
      assertEquals(await readText(conn), "ERROR:timed out!");
    } finally {
      clearInterval(drip);
    }
    assertBetween(passed(), 2900, 4000);
  };
  const neverClosing = async () => {
    using conn = await connectTo(server.port);
    await writeAll(conn, `a1234${MARKER}`);
    assertEquals(await readText(conn), "a1234a1234");
    const [, logged] = await server.says(
      / end, .* out, (\d+)\.\d ms/,
      "stderr",
    );
    assertBetween(Number(logged), 900, 2000);
  };
  await Promise.all([silent(), dripping(), neverClosing()]);
});

/** How much of a process is in memory, in bytes. */
async function residentBytes(pid: number): Promise<number> {
  // To read it ourselves would take all permissions there are.
  const { stdout } = await runProgram("cat", [`/proc/${pid}/status`]);
  return Number(stdout.match(/^VmRSS:\s+(\d+) kB$/m)?.[1]) * 1024;
}

scriptTest("server.ts keeps its memory under --max-buffered", async () => {
  const mib = 1024 * 1024;
  await using server = await startServer([
    "--max-bytes=1MiB",
    "--max-buffered=64MiB",
    "--quiet",
  ]);
  // What an idle server takes is what it takes once it has worked.
  for (let round = 0; round < 100; round++) {
    await Promise.all(Array.from({ length: 20 }, async () => {
      assertEquals(await ordinaryClient(server.port, `a${MARKER}`), "aa");
    }));
  }
  const idle = await residentBytes(server.pid);
  const almost = new Uint8Array(mib - 1000);
  const conns = await Promise.all(
    Array.from({ length: 300 }, () => connectTo(server.port)),
  );
  const heard = conns.map((conn) => readText(conn).catch(() => "nothing"));
  // The server takes it all, to keep it or to drop it.
  await Promise.all(conns.map((conn) => writeAll(conn, almost)));
  assertEquals(await Promise.any(heard), "ERROR:busy!");
  const peak = await residentBytes(server.pid);
  assert(peak < idle + 64 * mib, `${peak} - ${idle} bytes`);
  // Those who were not refused are still in the middle of their message.
  for (const conn of conns) await conn.closeWrite().catch(() => {});
  const words = new Set(await Promise.all(heard));
  assertEquals(words, new Set(["ERROR:busy!", "ERROR:no end!"]));
  for (const conn of conns) conn.close();
  assertEquals(
    await ordinaryClient(server.port, `honest${MARKER}`),
    "honesthonest",
  );
});

scriptTest(
  "server.ts logs one line a conversation, and loses none",
  async () => {
    await using server = await startServer(["--log=json"]);
    for (let round = 0; round < 50; round++) {
      await Promise.all(
        Array.from(
          { length: 20 },
          () => ordinaryClient(server.port, `a${MARKER}`),
        ),
      );
    }
    const { code, stderr } = await server.stop();
    assertEquals(code, 0);
    const lines = stderr.trimEnd().split("\n").map((line) => JSON.parse(line))
      .filter((line) => !("note" in line));
    const summary = lines.pop();
    assertEquals(summary.conversations, { end: 1000 });
    assertEquals(summary.bytesIn, 20_000);
    assertEquals(summary.bytesOut, 2000);
    assertEquals(lines.length, 1000);
    for (const line of lines) {
      assertEquals(line.outcome, "end");
      assertMatch(line.peer, /^127\.0\.0\.1:\d+$/);
      assertEquals([line.bytesIn, line.bytesOut], [20, 2]);
    }
  },
);

scriptTest(
  "server.ts refuses, finishes and exits at SIGTERM in a message",
  async () => {
    await using server = await startServer();
    using conn = await connectTo(server.port);
    await writeAll(conn, "a12");
    await ordinaryClient(server.port, "b"); // so the first was accepted
    server.kill("SIGTERM");
    for (let refused = false; !refused;) {
      try {
        (await connectTo(server.port)).close();
      } catch (error) {
        refused = error instanceof Deno.errors.ConnectionRefused;
      }
    }
    await writeAll(conn, `34${MARKER}`);
    await conn.closeWrite();
    assertEquals(await readText(conn), "a1234a1234");
    const passed = stopwatch();
    assertEquals((await server.finished).code, 0);
    assertBetween(passed(), 0, 1000);
  },
);
