import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import config from "./deno.json" with { type: "json" };
import {
  connectTo,
  freePort,
  ordinaryClient,
  Program,
  readText,
  runClient,
  runDemo,
  runProgram,
  scriptTest,
  startServer,
  writeAll,
} from "./testing.ts";

const FITTING = ["--marker", "SERVER WRONG MARKER"];

/** Runs server.ts to its end: for command lines that do not serve. */
function runServer(args: string[]) {
  const url = new URL("server.ts", import.meta.url).href;
  return runProgram(Deno.execPath(), ["run", "-A", "--quiet", url, ...args]);
}

scriptTest("the pair says ERROR:no end! by default", async () => {
  await using server = await startServer();
  const port = `--port=${server.port}`;
  const { code, stdout, stderr } = await runClient([port, "--data", "a1234"]);
  assertEquals(stdout, "connected\nsent a1234\nshutdown\nERROR:no end!\n");
  assertMatch(stderr, /^hint: .* --marker\n$/);
  assertEquals(code, 1);
  await server.says(/ no end, 24 bytes in, 13 out, .* ms\n/, "stderr");
});

scriptTest("the pair doubles the data when the markers fit", async () => {
  await using server = await startServer();
  const port = `--port=${server.port}`;
  const { code, stdout, stderr } = await runClient([
    port,
    ...FITTING,
    ...["a1", "b2", "c3", "d4", "e5"].flatMap((data) => ["--data", data]),
  ]);
  assertEquals(
    stdout,
    ["a1", "b2", "c3", "d4", "e5"].map((data) =>
      `connected\nsent ${data}\nshutdown\n${data}${data}\n`
    ).join(""),
  );
  assertEquals(stderr, "");
  assertEquals(code, 0);
});

scriptTest(
  "client.ts --half-close after prints the same",
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

scriptTest("client.ts brings 5 MB back byte for byte", async () => {
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
    assert(halves.every((half) => half.every((byte, i) => byte === random[i])));
  }
});

scriptTest("client.ts names the bytes it sent of standard input", async () => {
  await using server = await startServer();
  const args = [`--port=${server.port}`, ...FITTING];
  const { stdout } = await runClient(args, "abc");
  assertEquals(stdout, "connected\nsent 3 bytes\nshutdown\nabcabc\n");
});

scriptTest(
  "client.ts hears an answer in the middle of a large file",
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

scriptTest(
  "client.ts prints nothing that is no reply with --quiet",
  async () => {
    await using server = await startServer();
    const args = [`--port=${server.port}`, "--quiet", "--data=a"];
    const { code, stdout } = await runClient(args);
    assertEquals(stdout, "ERROR:no end!");
    assertEquals(code, 1);
  },
);

scriptTest("client.ts exits 3 in one line when nobody listens", async () => {
  const port = freePort();
  const { code, stdout, stderr } = await runClient([
    `--port=${port}`,
    "--data=a",
  ]);
  assertEquals(stdout, "");
  assertMatch(
    stderr,
    RegExp(`^Cannot connect to 127.0.0.1:${port}: .*refused.*\\nhint: .*\\n$`),
  );
  assertEquals(code, 3);
});

scriptTest("client.ts exits 3 when the time is over", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const { code, stderr } = await runClient([
    `--port=${listener.addr.port}`,
    "--data=a",
    "--timeout=0.2",
  ]);
  assertMatch(stderr, /^Timed out after 200 ms\n/);
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

scriptTest(
  "client.ts exits 2 in one line for a wrong command line",
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

scriptTest(
  "server.ts exits 2 in one line for a wrong command line",
  async (t) => {
    const cases: [string[], string][] = [
      [["--marekr=x"], "unknown flag --marekr"],
      [["--port=-1"], "--port needs a whole number"],
      [["--max-bytes=64MB"], "--max-bytes needs a size"],
      [["--idle-timeout=1m"], "--idle-timeout needs seconds"],
      [["--max-connections=0"], "--max-connections needs a whole number"],
      [["--log=xml"], "--log is text or json"],
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

scriptTest("server.ts exits 1 in one line when it cannot listen", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { code, stdout, stderr } = await runServer([`--port=${port}`]);
  assertEquals(stdout, "");
  assertMatch(stderr, RegExp(`^Cannot serve on 127.0.0.1:${port}: .*\\n$`));
  assertEquals(code, 1);
});

scriptTest("both scripts print their --help and --version", async () => {
  for (const run of [runServer, runClient]) {
    const help = await run(["--help"]);
    assertEquals(help.code, 0);
    assertMatch(help.stdout, /^.*\n\nUsage: deno run -A \w+\.ts \[OPTIONS\]\n/);
    assert(help.stdout.split("\n").every((line) => line.length <= 80));
    const version = await run(["--version"]);
    assertEquals(version.stdout, `${config.version}\n`);
    assertEquals(version.code, 0);
  }
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  scriptTest(`server.ts finishes conversations at ${signal}`, async () => {
    await using server = await startServer();
    using conn = await connectTo(server.port);
    await writeAll(conn, "a12");
    // An answered conversation behind it: the first one was accepted.
    await ordinaryClient(server.port, "b");
    server.kill(signal);
    await writeAll(conn, "34SERVER WRONG MARKER");
    await conn.closeWrite();
    assertEquals(await readText(conn), "a1234a1234");
    const { code, stdout, stderr } = await server.finished;
    assertEquals(stdout, `started on ${server.port}\n`);
    assertMatch(stderr, / 2 conversations \(no end 1, end 1\), .* lost\n$/);
    assertEquals(code, 0);
  });
}

scriptTest("server.ts cuts at the second signal", async () => {
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
});

scriptTest("server.ts outlives running out of descriptors", async () => {
  const url = new URL("server.ts", import.meta.url).pathname;
  await using server = new Program("sh", [
    "-c",
    'ulimit -n 64; exec "$0" run --quiet --allow-net=127.0.0.1 "$1" --port=0',
    Deno.execPath(),
    url,
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
});

scriptTest("demo.ts shows what a half-close buys", async () => {
  const { code, stdout, stderr } = await runDemo();
  assertMatch(stderr, /^hint: .*\n$/); // the client's, as anybody sees it
  assertEquals(code, 0);
  assertEquals(stdout.match(/^ERROR:no end!$/gm)?.length, 5);
  assertEquals(stdout.match(/^[a-e]1234[a-e]1234$/gm)?.length, 5);
  assertMatch(stdout, /the client heard\n +nothing +ERROR:no end!/);
  assertMatch(stdout, /the client heard +a1234a1234/);
  assert(stdout.split("\n").every((line) => line.length <= 80));
});

scriptTest(
  "client.ts exits 2 in one line for what cannot be read",
  async () => {
    await using server = await startServer();
    const args = [`--port=${server.port}`, `--file=${import.meta.dirname}`];
    const { code, stderr } = await runClient(args);
    assertMatch(stderr, /^--file cannot be read: [^\n]*; see --help\n$/);
    assertEquals(code, 2);
  },
);

scriptTest("server.ts serves in several threads as in one", async () => {
  const url = new URL("server.ts", import.meta.url).href;
  await using server = new Program(Deno.execPath(), [
    ...["run", "--quiet", "--allow-net=127.0.0.1", "--allow-read", url],
    ...[
      "--log=json",
      "--parallel=2",
      "--port=0",
      "--max-connections=100",
      "--max-bytes=1MiB",
    ],
  ]);
  const port = Number((await server.says(/^started on (\d+)\n/))[1]);
  const marker = "SERVER WRONG MARKER";
  const megabyte = "m".repeat(1_000_000);
  for (let round = 0; round < 20; round++) {
    const replies = await Promise.all([
      ...Array.from({ length: 10 }, () => ordinaryClient(port, `a${marker}`)),
      ordinaryClient(port, megabyte + marker),
      ordinaryClient(port, "never ended"),
      ordinaryClient(port, "x".repeat(2_000_000)),
    ]);
    assertEquals(replies.slice(0, 10), Array(10).fill("aa"));
    assert(replies[10] === megabyte + megabyte);
    assertEquals(replies.slice(11), ["ERROR:no end!", "ERROR:too large!"]);
  }
  // The limit is that of all threads together.
  const silent = await Promise.all(
    Array.from({ length: 100 }, () => connectTo(port)),
  );
  for (const conn of silent) await writeAll(conn, "a");
  assertEquals(await ordinaryClient(port, `a${marker}`), "ERROR:busy!");
  server.kill("SIGTERM");
  for (const conn of silent) {
    await writeAll(conn, marker);
    await conn.closeWrite();
    assertEquals(await readText(conn), "aa");
    conn.close();
  }
  const { code, stderr } = await server.finished;
  const lines = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.pop().conversations, {
    "end": 320,
    "no end": 20,
    "too large": 20,
    "busy": 1,
  });
  assertEquals(lines.filter(({ outcome }) => outcome).length, 361);
  assertEquals(code, 0);
});

scriptTest(
  "client.ts keeps its exit status when nothing can be told",
  async () => {
    const script = new URL("client.ts", import.meta.url).href;
    const cases: [string[], number][] = [
      [["--bogus"], 2],
      [["--data=a"], 3],
      [["--data=a", "--trace"], 3],
      [["--data=a", "--trace=json"], 3],
    ];
    for (const [args, expected] of cases) {
      const { code } = await runProgram("sh", [
        ...["-c", 'exec "$@" 2>/dev/full', "sh"],
        ...[Deno.execPath(), "run", "--quiet", "--allow-net=127.0.0.1"],
        ...[script, `--port=${freePort()}`, ...args],
      ]);
      assertEquals(code, expected, args.join(" "));
    }
  },
);
