import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { needsRun } from "./options.ts";
import { Program } from "./programs.ts";
import {
  pathOf,
  runServer,
  SERVER_PERMISSIONS,
  startServer,
} from "./scripts.ts";
import {
  connectTo,
  listenLocally,
  ordinaryClient,
  readText,
  writeAll,
} from "./sockets.ts";

/** Any file: what is wrong is found before it is looked at. */
const CERT = pathOf("deno.json");

Deno.test(
  needsRun("server.ts exits 1 in one line when it cannot listen"),
  async () => {
    using listener = listenLocally();
    const { port } = listener.addr;
    const { code, stdout, stderr } = await runServer([`--port=${port}`]);
    assertEquals(stdout, "");
    assertMatch(stderr, RegExp(`^Cannot serve on 127.0.0.1:${port}: .*\\n$`));
    assertEquals(code, 1);
  },
);

Deno.test(
  needsRun(
    "server.ts exits 2 in one line for a wrong command line",
  ),
  async (t) => {
    const cases: [string[], string][] = [
      [["--marekr=x"], "unknown flag --marekr"],
      [["--port=-1"], "--port needs a whole number"],
      [["--max-bytes=64MB"], "--max-bytes needs a size"],
      [["--idle-timeout=1m"], "--idle-timeout needs seconds"],
      [["--max-connections=0"], "--max-connections needs a whole number"],
      [["--max-per-address=0"], "--max-per-address needs a whole number"],
      [["--allow=10.0.0.1/8"], 'Cannot use "10.0.0.1/8" in allow'],
      [["--allow=10.0.0.0/8,::1"], 'Cannot use "10.0.0.0/8,::1" in allow'],
      [["--allow="], "--allow must not be empty"],
      [["--proxy-from=::/129"], 'Cannot use "::/129" in --proxy-from'],
      [["--parallel=2", "--proxy-from=x"], 'Cannot use "x" in --proxy-from'],
      [
        ["--proxy-from=unix", `--cert=${CERT}`, `--key=${CERT}`],
        "Cannot use the certificate: it is not in PEM, or not complete",
      ],
      [["--log=xml"], "--log is text or json"],
      [["--metrics-port=0"], "--metrics-port needs a whole number from 1"],
      [["--metrics-port=x"], "--metrics-port needs a whole number from 1"],
      [["--metrics-port"], "--metrics-port needs a value"],
      [["--notice=1"], "--notice needs --health-port or --metrics-port"],
      [["a.ts", "b.ts"], "unexpected argument b.ts"],
    ];
    for (const [args, message] of cases) {
      await t.step(args.join(" "), async () => {
        const { code, stdout, stderr } = await runServer(args);
        assertEquals(stdout, "");
        assertStringIncludes(stderr, message);
        assertMatch(stderr, /^[^\n]*; see --help\n$/);
        assertEquals(code, 2);
      });
    }
  },
);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(
    needsRun(`server.ts finishes conversations at ${signal}`),
    async () => {
      await using server = await startServer();
      using conn = await connectTo(server.port);
      await writeAll(conn, "a12");
      // Connections are accepted in order: the first has been accepted.
      await ordinaryClient(server.port, "b");
      server.kill(signal);
      await writeAll(conn, "34SERVER WRONG MARKER");
      await conn.closeWrite();
      assertEquals(await readText(conn), "a1234a1234");
      const { code, stdout, stderr } = await server.finished;
      assertEquals(stdout, `started on ${server.port}\n`);
      assertMatch(stderr, / 2 conversations \(no end 1, ok 1\), .* lost\n$/);
      assertEquals(code, 0);
    },
  );
}

Deno.test(
  needsRun("server.ts aborts conversations at the second signal"),
  async () => {
    await using server = await startServer(["--quiet"]);
    using conn = await connectTo(server.port);
    await writeAll(conn, "a12");
    await ordinaryClient(server.port, "b");
    server.kill("SIGTERM");
    server.kill("SIGINT");
    const { code, stderr } = await server.finished;
    assertEquals(stderr, "");
    assertEquals(code, 0);
    assertEquals(await readText(conn).catch(() => ""), "");
  },
);

Deno.test(
  needsRun("server.ts goes on when it has no descriptor left"),
  async () => {
    await using server = new Program("sh", [
      "-c",
      'ulimit -n 64; exec "$@"',
      "sh",
      ...[Deno.execPath(), "run", "--quiet", ...SERVER_PERMISSIONS],
      ...[pathOf("server.ts"), "--port=0"],
    ]);
    const port = Number((await server.says(/^started on (\d+)\n/))[1]);
    const clients = Array.from({ length: 200 }, async () => {
      using conn = await connectTo(port);
      await writeAll(conn, "aSERVER WRONG MARKER");
      await conn.closeWrite();
      return await readText(conn);
    });
    const replies = await Promise.all(clients);
    assertEquals(replies, Array(200).fill("aa"));
    await server.says(/Too many open files/, "stderr");
    await server.stop();
  },
);
