// `client.ts --keep-alive` on a terminal: a conversation by hand.

import { assertEquals, assertMatch } from "@std/assert";
import { LocalServer } from "./local_server.ts";
import { needsPrograms } from "./options.ts";
import { type Outcome, runProgram } from "./programs.ts";
import { FILE_PERMISSIONS, pathOf } from "./scripts.ts";
import { serveOne, writeAll } from "./sockets.ts";

const LINES = ["--keep-alive", "--marker=\\n"];

/**
 * Runs a program on a terminal. Types each text of a list of pairs when the text
 * before it has been shown; then shows all to its end.
 */
const TYPIST = `
import json, os, pty, sys
steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b""
def read():
    global shown
    try:
        part = os.read(terminal, 4096)
    except OSError:
        return False
    shown += part
    os.write(1, part)
    return part != b""
for awaited, typed in steps:
    while awaited.encode() not in shown:
        if not read():
            sys.exit("did not show " + awaited)
    shown = shown.split(awaited.encode(), 1)[1]
    os.write(terminal, typed.encode())
while read():
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** Types on the terminal of client.ts. */
async function type(
  args: readonly string[],
  steps: readonly [string, string][],
): Promise<Outcome> {
  const outcome = await runProgram("python3", [
    ...["-c", TYPIST, JSON.stringify(steps)],
    ...[Deno.execPath(), "run", "--quiet", ...FILE_PERMISSIONS],
    ...[pathOf("client.ts"), ...args],
  ]);
  // A terminal shows \n as \r\n.
  return { ...outcome, stdout: outcome.stdout.replaceAll("\r\n", "\n") };
}

Deno.test(
  needsPrograms(
    ["python3"],
    "client.ts --keep-alive is a conversation by hand on a terminal",
  ),
  async (t) => {
    await t.step("lines, with a marker that no terminal types", async () => {
      await using server = new LocalServer({ end: "\r\n", keepAlive: true });
      const args = [`--port=${server.port}`, "--keep-alive", "--marker=\\r\\n"];
      const { code, stdout } = await type(args, [
        ["Ctrl-D", "hello\n"],
        // The terminal edits the line: a backspace.
        ["hellohello\r\n", "worm\x7fld\n"],
        ["worldworld\r\n", "\x04"],
      ]);
      assertEquals(
        stdout.replaceAll("\b \b", "").replaceAll("^D\b\b", ""),
        [
          "connected",
          "each line is a message; Ctrl-D ends the input",
          "hello",
          "hellohello",
          ...["wormld", "worldworld", "shutdown", ""],
        ].join("\n"),
      );
      assertEquals(code, 0);
    });
    await t.step("a marker that is typed, once and in the line", async () => {
      await using server = new LocalServer({ end: ";", keepAlive: true });
      const args = [`--port=${server.port}`, "--keep-alive", "--marker=;"];
      const { code, stdout } = await type(args, [
        ["Ctrl-D", "a;\n"],
        ["aa", "b;c\n"],
        ["not sent: the line contains the end marker", "d\n"],
        ["dd", "\x04"],
      ]);
      assertMatch(stdout, /\nshutdown\n$/);
      assertEquals(code, 0);
    });
    await t.step("byte counts", async () => {
      const options = { framing: "count", keepAlive: true } as const;
      await using server = new LocalServer(options);
      const args = [`--port=${server.port}`, "--keep-alive", "--framing=count"];
      const { code } = await type(args, [["Ctrl-D", "é\n"], ["éé", "\x04"]]);
      assertEquals(code, 0);
    });
    await t.step("control characters of a reply are escaped", async () => {
      await using server = serveOne(async (conn) => {
        await writeAll(conn, "\x1b[2Jhello\n");
      });
      const { stdout, code } = await type(
        [`--port=${server.port}`, ...LINES],
        [["\\x1b[2Jhello", ""]],
      );
      // The server has ended; nobody has typed a line.
      assertMatch(stdout, /the server closed the connection\n$/);
      assertEquals(code, 0);
    });
  },
);
