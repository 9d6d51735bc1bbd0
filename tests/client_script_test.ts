import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { needsRun } from "./options.ts";
import { runProgram } from "./programs.ts";
import {
  pathOf,
  runClient,
  SERVER_PERMISSIONS,
  startServer,
} from "./scripts.ts";
import {
  listenLocally,
  readText,
  refusingPort,
  serveOne,
  writeAll,
} from "./sockets.ts";

const FITTING = ["--marker", "SERVER WRONG MARKER"];

Deno.test(
  needsRun(
    "client.ts --half-close=after prints the same lines",
  ),
  async () => {
    await using server = await startServer();
    const { code, stdout } = await runClient([
      `--port=${server.port}`,
      ...FITTING,
      "--half-close=after",
      "--data=a",
    ]);
    assertEquals(stdout, "connected\nsent a\nshutdown\naa\n");
    assertEquals(code, 0);
  },
);

Deno.test(
  needsRun("client.ts sends and prints 5 MB byte for byte"),
  async () => {
    await using server = await startServer();
    const random = new Uint8Array(5_000_000);
    for (let start = 0; start < random.length; start += 65536) {
      crypto.getRandomValues(random.subarray(start, start + 65536));
    }
    const args = [`--port=${server.port}`, "--quiet", ...FITTING];
    const fromStdin = await runClient(args, random);
    const file = await Deno.makeTempFile();
    let fromFile;
    try {
      await Deno.writeFile(file, random);
      fromFile = await runClient([...args, `--file=${file}`]);
    } finally {
      await Deno.remove(file);
    }
    for (const { code, stdoutBytes, stderr } of [fromStdin, fromFile]) {
      assertEquals(stderr, "");
      assertEquals(code, 0);
      assertEquals(stdoutBytes.length, 10_000_000);
      const halves = [stdoutBytes.subarray(0, 5e6), stdoutBytes.subarray(5e6)];
      assert(
        halves.every((half) => half.every((byte, i) => byte === random[i])),
      );
    }
  },
);

Deno.test(
  needsRun("client.ts prints the size of standard input"),
  async () => {
    await using server = await startServer();
    const args = [`--port=${server.port}`, ...FITTING];
    const { stdout } = await runClient(args, "abc");
    assertEquals(stdout, "connected\nsent 3 bytes\nshutdown\nabcabc\n");
  },
);

Deno.test(
  needsRun(
    "client.ts prints a refusal in the middle of an upload",
  ),
  async () => {
    await using server = await startServer(["--max-bytes=1000"]);
    const big = new Uint8Array(50_000_000);
    const { code, stdout } = await runClient([`--port=${server.port}`], big);
    assertMatch(
      stdout,
      /^connected\nsent only \d+ bytes, then the answer came\nERROR:too large!\n$/,
    );
    assertEquals(code, 1);
  },
);

Deno.test(
  needsRun(
    "client.ts --quiet prints nothing but the reply",
  ),
  async () => {
    await using server = await startServer();
    const args = [`--port=${server.port}`, "--quiet", "--data=a"];
    const { code, stdout } = await runClient(args);
    assertEquals(stdout, "ERROR:no end!");
    assertEquals(code, 1);
  },
);

Deno.test(
  needsRun("client.ts exits 3 in one line when it is refused"),
  async () => {
    using refusing = await refusingPort();
    const { port } = refusing;
    const args = [`--port=${port}`, "--data=a"];
    const { code, stdout, stderr } = await runClient(args);
    assertEquals(stdout, "");
    assertMatch(
      stderr,
      RegExp(
        `^Cannot connect to 127.0.0.1:${port}: .*refused.*\\nhint: .*\\n$`,
      ),
    );
    assertEquals(code, 3);
  },
);

Deno.test(needsRun("client.ts exits 3 after its --timeout"), async () => {
  using listener = listenLocally();
  const accepted = listener.accept();
  const { code, stderr } = await runClient([
    `--port=${listener.addr.port}`,
    "--data=a",
    "--timeout=1",
  ]);
  assertMatch(stderr, /^Timed out after 1000 ms\n/);
  assertEquals(code, 3);
  (await accepted).close();
});

const USAGE: [string[], string][] = [
  [["--prot=1"], "unknown flag --prot"],
  [["a1234"], "unexpected argument a1234"],
  [["--port=65536", "--data=a"], "--port needs a whole number"],
  [["--marker=", "--data=a"], "--marker must not be empty"],
  [["--marker=\\q", "--data=a"], "--marker has an escape"],
  [["--half-close=never", "--data=a"], "--half-close is before or after"],
  [["--timeout=soon", "--data=a"], "--timeout needs seconds"],
  [["--data"], "--data needs a value"],
  [["--data=a", "--file=b"], "--data and --file exclude each other"],
  [["--file=/no/such/file"], "--file cannot be read"],
];

Deno.test(
  needsRun(
    "client.ts exits 2 in one line for a wrong command line",
  ),
  async (t) => {
    for (const [args, message] of USAGE) {
      await t.step(args.join(" "), async () => {
        const { code, stdout, stderr } = await runClient(args);
        assertEquals(stdout, "");
        assertStringIncludes(stderr, message);
        assertMatch(stderr, /^[^\n]*; see --help\n$/);
        assertEquals(code, 2);
      });
    }
  },
);

Deno.test(
  needsRun(
    "client.ts exits 2 in one line for an unreadable file",
  ),
  async () => {
    await using server = await startServer();
    const args = [`--port=${server.port}`, `--file=${import.meta.dirname}`];
    const { code, stderr } = await runClient(args);
    assertMatch(stderr, /^--file cannot be read: [^\n]*; see --help\n$/);
    assertEquals(code, 2);
  },
);

Deno.test(
  needsRun(
    "client.ts keeps its exit status without standard error",
  ),
  async () => {
    using refusing = await refusingPort();
    const cases: [string[], number][] = [
      [["--bogus"], 2],
      [["--data=a"], 3],
      [["--data=a", "--trace"], 3],
      [["--data=a", "--trace=json"], 3],
    ];
    for (const [args, expected] of cases) {
      const { code } = await runProgram("sh", [
        ...["-c", 'exec "$@" 2>/dev/full', "sh"],
        ...[Deno.execPath(), "run", "--quiet", ...SERVER_PERMISSIONS],
        ...[pathOf("client.ts"), `--port=${refusing.port}`, ...args],
      ]);
      assertEquals(code, expected, args.join(" "));
    }
  },
);

Deno.test(
  needsRun("client.ts exits with the status of the worst conversation"),
  async () => {
    const replies = ["ERROR:no end!", "", "fine", "ERROR:no end!"];
    using listener = listenLocally();
    const answering = (async () => {
      for (const reply of replies) {
        using conn = await listener.accept();
        await readText(conn);
        await writeAll(conn, reply);
      }
    })();
    const { code, stderr } = await runClient([
      `--port=${listener.addr.port}`,
      ...replies.map(() => "--data=a"),
    ]);
    await answering;
    assertEquals(code, 3);
    // Each hint comes once.
    assertEquals(stderr.match(/^hint: /gm)?.length, 2, stderr);
  },
);

Deno.test(
  needsRun(
    "client.ts --reply-marker exits 3 for a truncated reply",
  ),
  async () => {
    await using server = serveOne((conn) => writeAll(conn, "half a rep"));
    const { code, stdout, stderr } = await runClient([
      `--port=${server.port}`,
      "--reply-marker=<END>",
      "--data=a",
    ]);
    assert(stdout.endsWith("\nhalf a rep\n"), stdout);
    assertMatch(
      stderr,
      /^The reply was truncated after 10 bytes: .*\nhint: .*\n$/,
    );
    assertEquals(code, 3);
  },
);
