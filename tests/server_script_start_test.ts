// How the server script starts: options that are refused, signals meanwhile,
// and other servers at the same address.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sendData } from "../mod.ts";
import { needsRun } from "./options.ts";
import { Program } from "./programs.ts";
import {
  FILE_PERMISSIONS,
  PROJECT,
  runServer,
  startScript,
  startServer,
} from "./scripts.ts";
import { temporaryDirectory } from "./temporary.ts";

const REFUSED: [string[], RegExp][] = [
  [["--max-buffered=64KiB"], /^Cannot use 65536 as --max-buffered: .* needs /],
  [
    ["--max-buffered=64KiB", "--parallel=2"],
    /^Cannot use 65536 as --max-buffered: .* needs /,
  ],
  [["--reply-marker=busy"], /ERROR:busy! contains it/],
  [["--keep-alive", "--marker=!"], /ERROR:no end! contains it/],
  [["--reply-marker=busy", "--parallel=2"], /ERROR:busy! contains it/],
  [Array(33).fill(0).map((_, i) => `--marker=<${i}>`), /33 end markers/],
];

Deno.test(
  needsRun("server.ts exits 2 in one line for options that serve() refuses"),
  async (t) => {
    for (const [args, message] of REFUSED) {
      const name = args.length > 2 ? `${args.length} markers` : args.join(" ");
      await t.step(name, async () => {
        const { code, stdout, stderr } = await runServer(["--port=0", ...args]);
        assertMatch(stderr, message);
        assertMatch(stderr, /^[^\n]*; see --help\n$/);
        assertEquals({ code, stdout }, { code: 2, stdout: "" });
      });
    }
  },
);

Deno.test(
  needsRun("server.ts logs the error of a handler"),
  async (t) => {
    for (const threads of [1, 2]) {
      await t.step(`${threads} threads`, async () => {
        // The reply is the message twice, and so contains the reply marker.
        await using server = await startServer([
          ...["--marker=;", "--reply-marker=aa", `--parallel=${threads}`],
        ]);
        const { port } = server;
        const sent = { port, end: ";", replyEnd: "aa" };
        const { error } = await sendData("a", sent);
        assertEquals(error, "failed");
        const { stderr } = await server.stop();
        assertMatch(stderr, / 127\.0\.0\.1:\d+ TypeError: Cannot send data /);
        assertMatch(stderr, / failed, 2 bytes in/);
      });
    }
  },
);

/** The server script, which says when it handles SIGTERM. */
const WITH_SIGNALS = `
const [script, ...args] = Deno.args;
const listen = Deno.addSignalListener;
Deno.addSignalListener = (signal, listener) => {
  listen(signal, listener);
  if (signal === "SIGTERM") console.log("handles SIGTERM");
};
const { main } = await import(script);
Deno.exitCode = await main(args);
`;

/** Starts the server script; resolves when it handles SIGTERM. */
async function startHandling(...flags: string[]): Promise<Program> {
  const program = new Program(Deno.execPath(), [
    ...["eval", "--quiet", "--unstable-net", WITH_SIGNALS],
    ...[new URL("cli/server_script.ts", PROJECT).href, ...flags],
  ]);
  await program.says(/^handles SIGTERM\n/);
  return program;
}

Deno.test(
  needsRun("server.ts --parallel shuts down as soon as it has started"),
  async () => {
    await using server = await startHandling("--port=0", "--parallel=4");
    server.kill("SIGTERM");
    const { code, stdout, stderr } = await server.finished;
    assertMatch(stdout, /^handles SIGTERM\nstarted on \d+\n$/);
    assertMatch(stderr, / shutting down; .*\n.* 0 conversations, /);
    assertEquals(code, 0);
  },
);

Deno.test(
  needsRun("server.ts --parallel stops starting at the second signal"),
  async () => {
    await using server = await startHandling("--port=0", "--parallel=64");
    server.kill("SIGTERM");
    await server.says(/ shutting down; /, "stderr");
    server.kill("SIGTERM");
    const { code, stdout } = await server.finished;
    assertEquals({ code, stdout }, { code: 0, stdout: "handles SIGTERM\n" });
  },
);

Deno.test(
  needsRun("server.ts --parallel does not share a port with another server"),
  async () => {
    await using server = await startServer(["--parallel=2"]);
    const { port } = server;
    const second = await runServer([`--port=${port}`, "--parallel=2"]);
    assertEquals(second.stdout, "");
    assertMatch(
      second.stderr,
      RegExp(`^Cannot serve on 127.0.0.1:${port}: .*in use.*\\n$`),
    );
    assertEquals(second.code, 1);
  },
);

/** Leaves the socket of a server that died. */
function leaveDeadSocket(path: string): void {
  // Deno removes the file under the name that it was given.
  using _listener = Deno.listen({ transport: "unix", path: `${path}.other` });
  Deno.linkSync(`${path}.other`, path);
}

Deno.test(
  needsRun("server.ts --unix starts once on a dead socket", {
    timeout: 50_000,
  }),
  async () => {
    await using directory = await temporaryDirectory();
    for (let round = 0; round < 5; round++) {
      const path = `${directory.path}/${round}`;
      leaveDeadSocket(path);
      const start = () =>
        startScript("server.ts", FILE_PERMISSIONS, [
          ...[`--unix=${path}`, "--marker=;"],
        ]);
      await using one = start();
      await using other = start();
      const ended = await Promise.race([
        one.finished.then((outcome) => ({ outcome, living: other })),
        other.finished.then((outcome) => ({ outcome, living: one })),
      ]);
      const { outcome, living } = ended;
      assertEquals(outcome.stdout, "");
      assertMatch(outcome.stderr, /^Cannot serve on [^\n]*\n$/);
      assertEquals(outcome.code, 1);
      await living.says(/^started on /);
      assertEquals((await sendData("a", { path, end: ";" })).text(), "aa");
      assertEquals((await living.stop()).code, 0);
      assert(await isGone(path));
    }
  },
);

/**
 * A server whose removal of a dead socket comes late: after it has seen that
 * the socket is dead, it waits until another server listens there.
 */
const LATE_REMOVAL = `
const [script, path] = Deno.args;
const idOf = () => {
  const { ino, birthtime } = Deno.lstatSync(path);
  return ino + " " + birthtime?.getTime();
};
const remove = Deno.removeSync;
Deno.removeSync = (name) => {
  const id = idOf();
  Deno.removeSync = remove;
  console.log("waits");
  for (;;) {
    try {
      if (idOf() !== id) break;
    } catch {
      // Between the removal by the other server and its bind.
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
  remove(name);
};
const { main } = await import(script);
Deno.exitCode = await main(["--unix=" + path, "--marker=;"]);
`;

Deno.test(
  needsRun("server.ts --unix fails when another server has taken the socket"),
  async () => {
    await using directory = await temporaryDirectory();
    // On a busy machine the removal may come later than the server expects.
    for (let round = 0; round < 5; round++) {
      const path = `${directory.path}/${round}`;
      leaveDeadSocket(path);
      await using late = new Program(Deno.execPath(), [
        ...["eval", "--quiet", LATE_REMOVAL],
        ...[new URL("cli/server_script.ts", PROJECT).href, path],
      ]);
      await late.says(/^waits\n/);
      const flags = [`--unix=${path}`];
      await using one = startScript("server.ts", FILE_PERMISSIONS, flags);
      const isTooLate = await Promise.race([
        one.finished.then(() => false),
        one.says(/^started on /).then(() => true, () => false),
      ]);
      if (isTooLate) continue;
      const { code, stdout, stderr } = await one.finished;
      assertEquals(stdout, "");
      assertMatch(stderr, /^Cannot serve on .*: another server has taken the /);
      assertEquals(code, 1);
      await late.says(/\nstarted on /);
      assertEquals((await sendData("a", { path, end: ";" })).text(), "aa");
      assertEquals((await late.stop()).code, 0);
      assert(await isGone(path));
      return;
    }
    throw new Error("no server has noticed that it lost its socket");
  },
);

async function isGone(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

Deno.test(
  needsRun("server.ts --unix ends at a signal while it starts"),
  async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/socket`;
    await using server = await startHandling(`--unix=${path}`);
    server.kill("SIGTERM");
    const { code, stdout } = await server.finished;
    assertEquals(stdout, `handles SIGTERM\nstarted on ${path}\n`);
    assertEquals(code, 0);
    assert(await isGone(path));
  },
);
