// Paths that are made for these tests, each with one fault. Real programs are
// in paths_test.ts.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createConnection, createServer, type Socket } from "node:net";
import { type CheckOptions, checkPath, type PathReport } from "./check.ts";
import { recvEnd, serve, type ServeOptions } from "./mod.ts";
import { netTest, runClient, scriptTest, startServer } from "./testing.ts";
import { beginningOf, heading, restOf } from "./verdict.ts";
import widthOf from "string-width";

const END = new TextEncoder().encode("\n");

/** It takes what a reader can read slowly. */
const SERVER = { port: 0, end: "\n", maxBytes: 16 * 1024 * 1024 } as const;

/** Long enough for what a fault waits for. */
const PAUSE = 400;

async function check(
  port: number,
  options: Partial<CheckOptions> = {},
): Promise<PathReport> {
  const where = { hostname: "127.0.0.1", port, tls: false, caCerts: [] };
  return await checkPath({
    where,
    end: END,
    timeout: 1000,
    pause: PAUSE,
    ...options,
  });
}

/** The findings in their order; how it was lost, where it was. */
function findings({ conversations }: PathReport): string[] {
  return conversations.map(({ finding, loss }) => loss ?? finding);
}

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, index) => index);

const ALL_KEPT = ["kept", "kept", "kept", "kept", "kept"];

/** A path between two sockets: what it does is up to `join`. */
async function path(
  port: number,
  join: (client: Socket, server: Socket) => void,
): Promise<AsyncDisposable & { port: number }> {
  const sockets = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const server = createConnection(
      { port, host: "127.0.0.1", allowHalfOpen: true },
    );
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    join(client, server);
  });
  await new Promise<void>((resolve) =>
    listener.listen(0, "127.0.0.1", resolve)
  );
  const address = listener.address() as { port: number };
  return {
    port: address.port,
    [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
}

const PATHS: Record<
  string,
  { join: (client: Socket, server: Socket) => void; expected: string[] }
> = {
  "that passes everything on": {
    join(client, server) {
      client.pipe(server).pipe(client);
    },
    expected: ALL_KEPT,
  },
  "that takes a half-close for a close": {
    join(client, server) {
      client.pipe(server);
      server.pipe(client);
      client.on("end", () => client.end());
    },
    expected: ["kept", "half-close", "half-close", "half-close", "kept"],
  },
  "that resets at a half-close": {
    join(client, server) {
      client.pipe(server);
      server.pipe(client);
      client.on("end", () => client.resetAndDestroy());
    },
    expected: ["kept", "half-close", "half-close", "half-close", "kept"],
  },
  "with a time limit for what is half-closed": {
    join(client, server) {
      client.pipe(server);
      server.pipe(client);
      client.on("end", () => {
        const timer = setTimeout(() => client.destroy(), PAUSE / 2);
        client.on("close", () => clearTimeout(timer));
      });
    },
    expected: ["kept", "kept", "kept", "time limit", "kept"],
  },
  "that keeps the server's end of file back": {
    join(client, server) {
      client.pipe(server);
      server.pipe(client, { end: false });
    },
    // What has no end of file has no reply that could be called large.
    expected: ["unknown", "end of file", "end of file", "unknown", "kept"],
  },
  "that resets behind the reply": {
    join(client, server) {
      client.pipe(server);
      server.pipe(client, { end: false });
      server.on("end", () => setTimeout(() => client.resetAndDestroy(), 50));
    },
    expected: ["unknown", "reset", "reset", "unknown", "kept"],
  },
  "that drops what is said in the middle of an upload": {
    join(client, server) {
      client.pipe(server);
      server.on("data", (data) => {
        if (data.toString() === "ERROR:too large!") client.resetAndDestroy();
        else client.write(data);
      });
      server.on("end", () => client.end());
    },
    expected: ["kept", "kept", "kept", "kept", "upload"],
  },
};

for (const [name, { join, expected }] of Object.entries(PATHS)) {
  netTest(`checkPath() knows a path ${name}`, async () => {
    await using server = serve(SERVER);
    await using between = await path(server.addr.port, join);
    const report = await check(between.port);
    assertEquals(findings(report), expected);
    const isKept = expected === ALL_KEPT;
    assertEquals(report.finding, isKept ? "kept" : "lost");
    assertMatch(report.verdict, isKept ? /keeps/ : /loses the last word: it /);
  });
}

netTest("checkPath() keeps apart a server's ways and a path's", async (t) => {
  const cases: [string, ServeOptions, Partial<CheckOptions>, string[]][] = [
    ["no fault", {}, {}, ALL_KEPT],
    [
      // A half-close after the reply is what it waits for.
      "keepAlive",
      { keepAlive: true },
      {},
      ["unknown", "kept", "kept", "kept", "kept"],
    ],
    [
      "keepAlive and a reply marker",
      { keepAlive: true, replyEnd: "|" },
      { replyEnd: new TextEncoder().encode("|") },
      ALL_KEPT,
    ],
    [
      "markers of what messages are made of",
      { end: "aa", replyEnd: "b" },
      {
        end: new TextEncoder().encode("aa"),
        replyEnd: new TextEncoder().encode("b"),
      },
      ALL_KEPT,
    ],
    [
      "a marker of all bytes there are",
      { end: ALL_BYTES },
      { end: ALL_BYTES },
      ALL_KEPT,
    ],
    [
      "no patience with those who do not read",
      { idleTimeout: PAUSE / 2 },
      {},
      ["kept", "kept", "kept", "unknown", "kept"],
    ],
    [
      "a small limit",
      { maxBytes: 1000 },
      {},
      ["kept", "kept", "kept", "unknown", "kept"],
    ],
    [
      "no limit below what an upload has",
      { maxBytes: 128 * 1024 * 1024 },
      {},
      ["kept", "kept", "kept", "kept", "unknown"],
    ],
  ];
  for (const [name, serveOptions, checkOptions, expected] of cases) {
    await t.step(name, async () => {
      await using server = serve({ ...SERVER, ...serveOptions });
      const report = await check(server.addr.port, checkOptions);
      assertEquals(findings(report), expected);
      assertEquals(report.finding, "kept");
    });
  }
});

netTest("checkPath() does not tell what it cannot know", async (t) => {
  await t.step("another marker, and patience", async () => {
    await using server = serve({ ...SERVER, end: ";" });
    const report = await check(server.addr.port, { timeout: 200 });
    assertEquals(findings(report), ["unknown"]);
    assertStringIncludes(report.verdict, "same --marker");
  });
  await t.step("another marker, and no patience", async () => {
    await using server = serve({ ...SERVER, end: ";", idleTimeout: 50 });
    const report = await check(server.addr.port);
    assertEquals(findings(report), ["unknown"]);
    assertStringIncludes(report.verdict, "ERROR:timed out!");
  });
  await t.step("a connection that is kept, but not for long", async () => {
    await using server = serve({ ...SERVER, keepAlive: true, idleTimeout: 50 });
    const report = await check(server.addr.port);
    assertEquals(findings(report), ["unknown"]);
    assertStringIncludes(report.verdict, "give its --reply-marker");
  });
  await t.step("a server that speaks TLS", async () => {
    const alert = new Uint8Array([21, 3, 3, 0, 2, 2, 10]);
    await using server = await path(0, (client) => client.end(alert));
    const report = await check(server.port);
    assertStringIncludes(report.verdict, "--tls");
    assertEquals(report.finding, "unknown");
  });
  await t.step("a reply without end", async () => {
    const much = new Uint8Array(1024 * 1024);
    await using server = await path(0, (client) => {
      const more = () => {
        while (client.write(much));
      };
      client.on("drain", more);
      more();
    });
    const report = await check(server.port);
    assertEquals(
      report.verdict,
      "could not tell: the reply has no end",
    );
    assertEquals(findings(report), ["unknown"]);
  });
  await t.step("an upload that stands still", async () => {
    await using server = serve({ ...SERVER, maxBytes: 32 * 1024 * 1024 });
    await using between = await path(server.addr.port, (client, server) => {
      let passed = 0;
      client.on("data", (data) => {
        passed += data.length;
        if (passed > 20_000_000) client.pause();
        else server.write(data);
      });
      client.on("end", () => server.end());
      server.pipe(client);
    });
    const report = await check(between.port);
    const [upload] = findings(report).slice(-1);
    assertEquals(upload, "unknown");
    assertEquals(report.finding, "kept");
  });
  await t.step("nobody listens", async () => {
    const server = serve(SERVER);
    await server.shutdown();
    const report = await check(server.addr.port);
    assertEquals(report.conversations, []);
    assertStringIncludes(report.verdict, "Connection refused");
    assertEquals(report.finding, "unknown");
  });
  await t.step("nobody answers", async () => {
    await using silent = await path(0, (client) => client.end());
    const report = await check(silent.port);
    assertEquals(findings(report), ["unknown"]);
    assertEquals(report.finding, "unknown");
  });
});

netTest("checkPath() knows servers that have no last words", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = async (conn: Deno.Conn) => {
    using _closed = conn;
    const { gotEnd } = await recvEnd(conn, END, { maxBytes: 1000 });
    if (gotEnd) await conn.write(END);
  };
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    // As many as a check of it has.
    for (let count = 0; count < 14; count++) {
      served.push(answer(await listener.accept()));
    }
    await Promise.all(served);
  })();
  const report = await check(listener.addr.port);
  await accepting;
  assertEquals(findings(report), [
    "kept",
    "kept",
    "unknown",
    "unknown",
    "unknown",
  ]);
  assertEquals(
    report.verdict,
    "this path keeps the last word; not told: no end marker, slow reader, " +
      "early refusal",
  );
});

Deno.test.each([
  ["1023.9 MiB", "1023.9 MiB", "end of file", 119_000],
  ["72 MiB", "ERROR:shutting down!", "no large reply", 1],
  ["72 MiB", `ERROR:${"w".repeat(190)}!`, "silence", 1],
  ["72 MiB", `ERROR:${"天".repeat(50)}!`, "silence", 1],
])("a line of a check has 80 columns at most: %j", (...cells) => {
  const [sent, cameBack, ending, milliseconds] = cells;
  const line = restOf({
    name: "half-close before",
    finding: "unknown",
    ...{ sent, cameBack, ending, milliseconds },
  });
  assertEquals(widthOf(beginningOf("slow reader") + line), 79);
  assertMatch(line, / unknown$/);
  assertEquals(heading().length <= 80, true);
});

scriptTest("client.ts --check prints a verdict", async () => {
  await using server = await startServer(["--quiet", "--max-bytes=2MiB"]);
  const args = ["--check", "--pause=0.1", `--port=${server.port}`];
  const { code, stdout, stderr } = await runClient(args);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertMatch(stdout, /^the path to 127.0.0.1:\d+\n\nconversation +sent /);
  assertMatch(stdout, /\nno end marker +31 B +ERROR:no end! +end of .* kept\n/);
  assertMatch(stdout, /\n\nthis path keeps the last word\n$/);
  const quiet = await runClient([...args, "--quiet"]);
  assertEquals(quiet.stdout, "this path keeps the last word\n");
});

scriptTest(
  "client.ts --check exits 1 for a loss, 3 for no answer",
  async () => {
    await using server = await startServer(["--quiet", "--max-bytes=2MiB"]);
    const between = await path(server.port, (client, server) => {
      client.pipe(server);
      server.pipe(client);
      client.on("end", () => client.end());
    });
    const args = ["--check", "--pause=0.1", `--port=${between.port}`];
    const lost = await runClient(args);
    assertEquals(lost.code, 1);
    assertMatch(lost.stdout, /nothing .* LOST\n/);
    assertStringIncludes(lost.stdout, "(--half-close after)");
    await between[Symbol.asyncDispose]();
    const unknown = await runClient(args);
    assertEquals(unknown.code, 3);
    assertStringIncludes(unknown.stdout, "could not tell: Cannot connect to");
  },
);

scriptTest("client.ts --check goes with a Unix socket", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const socket = `${directory}/socket`;
    const permissions = ["--allow-net", "--allow-read", "--allow-write"];
    await using _server = await startServer(
      [`--unix=${socket}`, "--quiet", "--max-bytes=2MiB"],
      permissions,
    );
    const args = ["--check", "--pause=0.1", `--unix=${socket}`];
    const { code, stdout } = await runClient(args);
    assertEquals(code, 0);
    assertStringIncludes(stdout, `the path to ${socket}\n`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
