// server.ts with systemd: sockets that it passes, notifications, and restarts
// that lose nobody.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Load } from "../deploy/testing/clients.ts";
import { freePort } from "../paths/running.ts";
import { needsPrograms, needsRun } from "./options.ts";
import { Program, runProgram } from "./programs.ts";
import { pathOf, startServer } from "./scripts.ts";
import { connectTo, pause, readText, writeAll } from "./sockets.ts";
import { temporaryDirectory } from "./temporary.ts";

const PATIENT = { timeout: 58_000 };

/** What the server needs to read the environment. */
const LISTEN_ENV = "--allow-env=LISTEN_PID,LISTEN_FDS,LISTEN_FDNAMES";

/** The command line of server.ts on a socket of systemd. */
function serverOn(...flags: string[]): string[] {
  return [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", LISTEN_ENV],
    ...[`--allow-read=${pathOf(".")}`, pathOf("server.ts")],
    ...["--systemd-socket", ...flags],
  ];
}

/** Starts a server by systemd-socket-activate, at its first connection. */
function activate(address: string, command: string[]): Program {
  const variables = ["PATH", "HOME", "DENO_DIR", "NO_COLOR"];
  return new Program("systemd-socket-activate", [
    ...["--listen", address, ...variables.map((name) => `--setenv=${name}`)],
    ...command,
  ]);
}

Deno.test(
  needsPrograms(
    ["systemd-socket-activate"],
    "--systemd-socket serves on the socket, without a permission for the net",
    PATIENT,
  ),
  async () => {
    const port = freePort();
    await using server = activate(`127.0.0.1:${port}`, serverOn("--log=json"));
    await server.says(/Listening on/, "stderr");
    using conn = await connectTo(port);
    await writeAll(conn, "aSERVER WRONG MARKER");
    await conn.closeWrite();
    assertEquals(await readText(conn), "aa");
    await server.says(RegExp(`^started on ${port}\n`));
    const peer = `127.0.0.1:${(conn.localAddr as Deno.NetAddr).port}`;
    await server.says(RegExp(`"peer":"${peer}","outcome":"ok"`), "stderr");
    server.kill("SIGTERM");
    assertEquals((await server.finished).code, 0);
  },
);

Deno.test(
  needsPrograms(
    ["systemd-socket-activate"],
    "--systemd-socket serves on a Unix socket",
    PATIENT,
  ),
  async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/socket`;
    await using server = activate(path, serverOn());
    await server.says(/Listening on/, "stderr");
    using conn = await Deno.connect({ transport: "unix", path });
    await writeAll(conn, "aSERVER WRONG MARKER");
    assertEquals(await readText(conn), "aa");
    await server.says(/^started on an inherited socket\n/);
  },
);

Deno.test(
  needsPrograms(
    ["systemd-socket-activate"],
    "--systemd-socket goes on after it had no descriptor left",
    PATIENT,
  ),
  async () => {
    const port = freePort();
    const [program, ...args] = serverOn("--quiet");
    const limited = ["sh", "-c", 'ulimit -n 80; exec "$@"', "sh"];
    await using server = activate(`127.0.0.1:${port}`, [
      ...limited,
      ...[program!, ...args],
    ]);
    await server.says(/Listening on/, "stderr");
    const idle: Deno.TcpConn[] = [];
    for (let i = 0; i < 200; i++) idle.push(await connectTo(port));
    await server.says(/^started on/);
    // One whom it could not accept: the last one that it can is closed first.
    using waiting = await connectTo(port);
    await writeAll(waiting, "aSERVER WRONG MARKER");
    await pause(500);
    for (const conn of idle) conn.close();
    assertEquals(await readText(waiting), "aa");
  },
);

/** Runs a command with these variables, and its own process as LISTEN_PID. */
async function runWith(
  variables: Record<string, string>,
  command: readonly string[],
) {
  const script = 'test -z "$SET_PID" || LISTEN_PID=$$; export LISTEN_PID; ' +
    'exec "$@"';
  return await runProgram("sh", ["-c", script, "sh", ...command], {
    env: { LISTEN_PID: "1", SET_PID: "", ...variables },
  });
}

const OURS = { SET_PID: "yes", LISTEN_FDS: "1" };

const REFUSED: Record<
  string,
  [Record<string, string>, string[], number, RegExp]
> = {
  "no socket": [
    { SET_PID: "yes" },
    serverOn(),
    2,
    /^--systemd-socket needs a socket that systemd passes, and --allow-env/,
  ],
  "no permission": [
    OURS,
    serverOn().filter((word) => word !== LISTEN_ENV),
    2,
    /^--systemd-socket needs a socket that systemd passes, and --allow-env/,
  ],
  "the socket of another process": [
    { LISTEN_FDS: "1" },
    serverOn(),
    2,
    /^--systemd-socket: the socket is not for this process: LISTEN_PID is 1, /,
  ],
  "too few sockets": [
    OURS,
    serverOn("--parallel=2"),
    2,
    /: there are 1 sockets and 2 threads; see --help\n$/,
  ],
  "no socket of the name": [
    { ...OURS, LISTEN_FDNAMES: "one" },
    serverOn().toSpliced(-1, 1, "--systemd-socket=two"),
    2,
    /needs one socket with the name two for each of --parallel threads: there are 0 /,
  ],
  "no descriptor": [
    OURS,
    serverOn(),
    1,
    /^Cannot serve on the inherited socket: /,
  ],
  "a port, too": [
    OURS,
    serverOn("--port=1"),
    2,
    /^--port and --systemd-socket exclude|^--systemd-socket and --port exclude/,
  ],
};

Deno.test(
  needsRun("--systemd-socket: wrong use is one line", PATIENT),
  async (t) => {
    for (
      const [name, [env, command, status, line]] of Object.entries(REFUSED)
    ) {
      await t.step(name, async () => {
        const { code, stdout, stderr } = await runWith(env, command);
        assertMatch(stderr, line);
        assertMatch(stderr, /^[^\n]*\n$/);
        assertEquals({ code, stdout }, { code: status, stdout: "" });
      });
    }
  },
);

/** Holds two sockets on one port, and passes them on. */
const TWO_SOCKETS = `
import os, socket, sys
for fd in (3, 4):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", int(sys.argv[1])))
    sock.listen(100)
    os.dup2(sock.detach(), fd)
    os.set_inheritable(fd, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
os.execvp(sys.argv[2], sys.argv[2:])
`;

Deno.test(
  needsPrograms(
    ["python3"],
    "--systemd-socket --parallel: a socket for each thread",
    PATIENT,
  ),
  async () => {
    const port = freePort();
    const command = serverOn("--parallel=2");
    await using server = new Program("python3", [
      ...["-c", TWO_SOCKETS, `${port}`, ...command],
    ]);
    await server.says(/^started on/);
    await using load = new Load(port);
    await load.reaches(200);
    await load.end();
    assertEquals(load.lost, []);
    server.kill("SIGTERM");
    const { code, stderr } = await server.finished;
    assertEquals(code, 0);
    assertMatch(
      stderr,
      RegExp(`${load.held} conversations \\(ok ${load.held}`),
    );
  },
);

/** Receives datagrams, as systemd does. */
function receive(path: string) {
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  return {
    async next(): Promise<string> {
      return new TextDecoder().decode((await socket.receive())[0]);
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

Deno.test(
  needsRun("server.ts notifies systemd", PATIENT),
  async (t) => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/notify`;
    const places = {
      "a path": [path, path],
      "no file": [`@${path}`, `\0${path}`],
    };
    for (const [name, [variable, address]] of Object.entries(places)) {
      await t.step(name, async () => {
        using systemd = receive(address!);
        const permissions = [
          "--allow-env=NOTIFY_SOCKET,WATCHDOG_USEC,WATCHDOG_PID",
          ...["--allow-net", "--allow-read", "--allow-write"],
        ];
        await using server = new Program(Deno.execPath(), [
          ...["run", "--quiet", ...permissions, pathOf("server.ts")],
          ...["--port=0", "--health-port", `${freePort()}`, "--notice=0"],
        ], {
          env: { NOTIFY_SOCKET: variable!, WATCHDOG_USEC: "200000" },
        });
        assertEquals(await systemd.next(), "READY=1");
        assertEquals(server.stdout.match(/^started on/)?.length, 1);
        assertEquals(await systemd.next(), "WATCHDOG=1");
        assertEquals(await systemd.next(), "WATCHDOG=1");
        server.kill("SIGTERM");
        let last = await systemd.next();
        while (last === "WATCHDOG=1") last = await systemd.next();
        assertEquals(last, "STOPPING=1");
        const { code, stderr } = await server.finished;
        assertEquals(code, 0);
        assert(!stderr.includes("notified"), stderr);
      });
    }
  },
);

Deno.test(
  needsRun("server.ts goes on when systemd cannot be notified"),
  async () => {
    const permissions = [
      "--allow-env",
      "--allow-net=127.0.0.1",
      "--allow-read",
    ];
    await using server = new Program(Deno.execPath(), [
      ...["run", "--quiet", "--no-prompt", ...permissions],
      ...[pathOf("server.ts"), "--port=0"],
    ], { env: { NOTIFY_SOCKET: "/nowhere", WATCHDOG_USEC: "20000" } });
    await server.says(/^started on/);
    await server.says(/systemd was not notified: .*--allow-write/, "stderr");
    await pause(100);
    server.kill("SIGTERM");
    const { code, stderr } = await server.finished;
    assertEquals(code, 0);
    assertEquals(stderr.match(/not notified/g)?.length, 1);
  },
);

Deno.test(
  needsRun("server.ts does not notify where nobody listens"),
  async () => {
    await using server = await startServer();
    const { code, stderr } = await server.stop();
    assertEquals(code, 0);
    assert(!stderr.includes("systemd"), stderr);
  },
);
