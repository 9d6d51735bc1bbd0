// What the client script sends, and what it says while it waits.

import { assertEquals, assertMatch } from "@std/assert";
import { LocalServer } from "./local_server.ts";
import { needsRun } from "./options.ts";
import { Program } from "./programs.ts";
import { PROJECT, runClient, startServer } from "./scripts.ts";
import { listenLocally, readAll, serveOne, writeAll } from "./sockets.ts";
import { temporaryDirectory } from "./temporary.ts";

const LINE = ["--marker=\\n", "--reply-marker=\\n"];

Deno.test(
  needsRun("client.ts takes a marker at the end of its input for the end"),
  async (t) => {
    await using server = await startServer(LINE);
    const args = [`--port=${server.port}`, ...LINE, "--quiet"];
    const cases: [string, string][] = [
      ["hello\n", "hellohello"],
      ["hello", "hellohello"],
      ["\n", ""],
      ["", ""],
    ];
    for (const [input, reply] of cases) {
      await t.step(JSON.stringify(input), async () => {
        const { code, stdout, stderr } = await runClient(args, input);
        assertEquals({ code, stdout, stderr }, {
          code: 0,
          stdout: reply,
          stderr: "",
        });
      });
    }
    await t.step("a file", async () => {
      await using directory = await temporaryDirectory();
      const file = `${directory.path}/file`;
      await Deno.writeTextFile(file, "hello\n");
      const { stdout } = await runClient([...args, `--file=${file}`]);
      assertEquals(stdout, "hellohello");
    });
    await t.step("one message each", async () => {
      const { stderr } = await server.stop();
      const lines = stderr.trimEnd().split("\n");
      assertMatch(lines.at(-1)!, / 5 conversations \(ok 5\), /);
    });
  },
);

Deno.test(
  needsRun("client.ts exits 2 in one line for a marker in what it sends"),
  async (t) => {
    await using server = new LocalServer({ end: "\n" });
    const args = [`--port=${server.port}`, ...LINE];
    const message = "contains the end marker: .*; see --help\n$";
    for (const kind of [[], ["--keep-alive"]]) {
      for (const text of ["one\ntwo", "one\n", "\n"]) {
        const name = `${kind} --data ${JSON.stringify(text)}`;
        await t.step(name, async () => {
          const data = `--data=${text}`;
          const outcome = await runClient([...args, ...kind, data]);
          assertMatch(outcome.stderr, RegExp(`^--data ${message}`));
          assertEquals([outcome.stdout, outcome.code], ["", 2]);
        });
      }
      // With --keep-alive, each part of standard input is a message.
      if (kind.length > 0) continue;
      for (const text of ["one\ntwo\n", "one\n\n", "x".repeat(1e6) + "\ny"]) {
        const name = `${kind} standard input ${text.length} bytes`;
        await t.step(name, async () => {
          const outcome = await runClient([...args, ...kind], text);
          assertMatch(outcome.stderr, RegExp(`^standard input ${message}`));
          assertEquals(outcome.code, 2);
        });
      }
    }
    await t.step("a file", async () => {
      await using directory = await temporaryDirectory();
      const file = `${directory.path}/file`;
      await Deno.writeTextFile(file, "a\nb\nc\n");
      const { code, stderr } = await runClient([...args, `--file=${file}`]);
      assertMatch(stderr, RegExp(`^--file ${message}`));
      assertEquals(code, 2);
    });
  },
);

Deno.test(
  needsRun("client.ts --framing=count sends markers as they are"),
  async () => {
    await using server = await startServer(["--framing=count"]);
    const args = [`--port=${server.port}`, "--framing=count", "--quiet"];
    const { stdout } = await runClient(args, "SERVER WRONG MARKER\n");
    assertEquals(stdout, "SERVER WRONG MARKER\n".repeat(2));
  },
);

/** The client script with another time before the hint. */
const WITH_SILENCE = `
const [script, silenceMs, ...args] = Deno.args;
const { main } = await import(script);
Deno.exitCode = await main(args, Number(silenceMs));
`;

function startClient(silenceMs: number, args: readonly string[]): Program {
  return new Program(Deno.execPath(), [
    ...["eval", "--quiet", WITH_SILENCE],
    ...[new URL("cli/client_script.ts", PROJECT).href, `${silenceMs}`, ...args],
  ]);
}

Deno.test(
  needsRun("client.ts says once what may have happened when nothing comes"),
  async (t) => {
    for (const kind of [[], ["--keep-alive"], ["--trace"]]) {
      await t.step(kind.join() || "one message", async () => {
        using listener = listenLocally();
        await using client = startClient(20, [
          ...[`--port=${listener.addr.port}`, ...LINE, "--data=a", ...kind],
        ]);
        using conn = await listener.accept();
        await client.says(/hint: nothing has come for a while: .*\n/, "stderr");
        await writeAll(conn, "b");
        await writeAll(conn, "c\n");
        await readAll(conn);
        const { code, stderr } = await client.finished;
        assertEquals(stderr.match(/hint: /g)?.length, 1);
        assertEquals(code, 0);
      });
    }
  },
);

Deno.test(
  needsRun("client.ts --quiet, --timeout and --trace json have no such hint"),
  async (t) => {
    for (const kind of ["--quiet", "--timeout=10", "--trace=json"]) {
      await t.step(kind, async () => {
        await using server = serveOne(async (conn) => {
          await readAll(conn);
          await new Promise((resolve) => setTimeout(resolve, 200));
          await writeAll(conn, "b\n");
        });
        await using client = startClient(20, [
          ...[`--port=${server.port}`, ...LINE, "--data=a", kind],
        ]);
        const { code, stderr } = await client.finished;
        assertEquals(/hint/.test(stderr), false);
        assertEquals(code, 0);
      });
    }
  },
);

Deno.test(
  needsRun("client.ts --keep-alive has hints for a server that closes early"),
  async () => {
    await using server = serveOne(async (conn) => {
      await conn.read(new Uint8Array(10));
    });
    const args = [`--port=${server.port}`, ...LINE, "--keep-alive"];
    const { code, stderr } = await runClient([...args, "--data=a"]);
    assertMatch(stderr, /^No reply: .*\nhint: .*--idle-timeout\n$/);
    assertEquals(code, 3);
  },
);
