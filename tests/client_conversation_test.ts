// `client.ts --keep-alive` with standard input: parts of it are messages.
// `--end-of-file`.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { LocalServer } from "./local_server.ts";
import { needsRun } from "./options.ts";
import { FILE_PERMISSIONS, pathOf, runClient } from "./scripts.ts";
import {
  listenLocally,
  readLength,
  readText,
  serveOne,
  writeAll,
} from "./sockets.ts";

const LINES = ["--keep-alive", "--marker=\\n"];

/** Runs client.ts, whose standard input does not end. */
async function runWithOpenInput(
  args: readonly string[],
  input: string,
): Promise<{ code: number; stdout: string }> {
  await using process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", ...FILE_PERMISSIONS, pathOf("client.ts")],
      ...args,
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  const stdout = await new Response(process.stdout).text();
  const { code } = await process.status;
  await writer.abort().catch(() => {});
  return { code, stdout };
}

Deno.test(
  needsRun("client.ts --keep-alive splits standard input at the marker"),
  async (t) => {
    await using server = new LocalServer({ end: "\n", keepAlive: true });
    const args = [`--port=${server.port}`, ...LINES];
    const cases: [string, string][] = [
      ["one\ntwo\n", "oneone\ntwotwo\n"],
      ["one\nlast", "oneone\nlastlast\n"],
      ["\n", ""],
      ["", ""],
    ];
    for (const [input, replies] of cases) {
      await t.step(JSON.stringify(input), async () => {
        const { code, stdout, stderr } = await runClient(args, input);
        const lines = stdout.split(/^(?:connected|sent .*|shutdown)\n/m);
        assertEquals([lines.join(""), stderr, code], [replies, "", 0]);
        const sent = stdout.match(/^sent \d+ bytes?$/gm)?.length ?? 0;
        assertEquals(
          sent,
          input.split("\n").filter((part, index, all) =>
            part !== "" || index < all.length - 1
          ).length,
        );
      });
    }
    await t.step("a marker of several bytes, cut anywhere", async () => {
      await using server = new LocalServer({
        end: "\r\n.\r\n",
        keepAlive: true,
      });
      const { stdout } = await runClient([
        ...[`--port=${server.port}`, "--keep-alive", "--marker=\\r\\n.\\r\\n"],
        "--quiet",
      ], "a\r\n.b\r\n.\r\nc\r\n.\r\n");
      assertEquals(stdout, "a\r\n.ba\r\n.bcc");
    });
    await t.step(
      "10,000 messages, and more than the kernel keeps",
      async () => {
        const input = `${"x".repeat(1000)}\n`.repeat(10_000);
        const { code, stdout } = await runClient([...args, "--quiet"], input);
        assertEquals([code, stdout.length], [0, 20_000_000]);
      },
    );
  },
);

Deno.test(
  needsRun("client.ts --keep-alive prints a reply before its input has ended"),
  async () => {
    using listener = listenLocally();
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", ...FILE_PERMISSIONS, pathOf("client.ts")],
        ...[`--port=${listener.addr.port}`, ...LINES, "--quiet"],
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    using conn = await listener.accept();
    const input = process.stdin.getWriter();
    const output = process.stdout.getReader();
    for (const message of ["first", "second"]) {
      await input.write(new TextEncoder().encode(`${message}\n`));
      const buffer = new Uint8Array(100);
      const count = await conn.read(buffer);
      const text = new TextDecoder().decode(buffer.subarray(0, count!));
      assertEquals(text, `${message}\n`);
      await writeAll(conn, `re ${message}\n`);
      const { value } = await output.read();
      assertEquals(new TextDecoder().decode(value), `re ${message}`);
    }
    await input.close();
    assertEquals(await readText(conn), "");
    conn.close();
    assertEquals((await output.read()).done, true);
    assertEquals((await process.status).code, 0);
  },
);

Deno.test(
  needsRun("client.ts --keep-alive prints what no message asked for"),
  async () => {
    await using server = serveOne(async (conn) => {
      await writeAll(conn, "220 ready\n");
      assertEquals(await readLength(conn, 10), "EHLO\nQUIT\n");
      await writeAll(conn, "250-a\n250 b\n221 bye\n");
    });
    const args = [`--port=${server.port}`, ...LINES];
    const { code, stdout } = await runClient(args, "EHLO\nQUIT\n");
    assertEquals(code, 0);
    for (const line of ["220 ready", "250-a", "250 b", "221 bye"]) {
      assert(stdout.split("\n").includes(line), line);
    }
  },
);

Deno.test(
  needsRun("client.ts --keep-alive exits 3 if replies are missing"),
  async () => {
    await using server = serveOne(async (conn) => {
      await conn.read(new Uint8Array(100));
      await writeAll(conn, "1\n");
    });
    const args = [`--port=${server.port}`, ...LINES, "--quiet"];
    const { code, stdout, stderr } = await runClient(args, "a\nb\nc\n");
    assertEquals([stdout, code], ["1", 3]);
    assertMatch(stderr, /^No reply: .* before 2 of 3 replies\nhint: .*\n$/);
  },
);

Deno.test(
  needsRun(
    "client.ts --keep-alive ends with the server, whatever its input does",
  ),
  async () => {
    await using server = serveOne(async (conn) => {
      await conn.read(new Uint8Array(100));
      await writeAll(conn, "bye\n");
    });
    const args = [`--port=${server.port}`, ...LINES];
    const { code, stdout } = await runWithOpenInput(args, "QUIT\n");
    assertMatch(stdout, /\nbye\nthe server closed the connection\n$/);
    assertEquals(code, 0);
  },
);

Deno.test(
  needsRun(
    "client.ts --keep-alive exits 1 after an error reply, and 3 after its --timeout",
  ),
  async () => {
    await using server = new LocalServer(
      { end: "\n", keepAlive: true, grace: 10 },
      (message) =>
        message.text() === "late" ? new Promise(() => {}) : "ERROR:no!",
    );
    const args = [`--port=${server.port}`, ...LINES, "--quiet"];
    const failed = await runClient(args, "a\n");
    assertEquals([failed.stdout, failed.code], ["ERROR:no!", 1]);
    const timeout = "--timeout=0.5";
    const late = await runClient([...args, timeout], "late\n");
    assertMatch(late.stderr, /^Timed out after 500 ms\n/);
    assertEquals(late.code, 3);
  },
);

Deno.test(
  needsRun("client.ts --keep-alive exits 2 in one line without a marker"),
  async () => {
    for (const args of [["--keep-alive"], ["--keep-alive", "--data=a"]]) {
      const { code, stderr } = await runClient(args, "a");
      assertMatch(stderr, /^--keep-alive needs --marker, or .*; see --help\n$/);
      assertEquals(code, 2);
    }
  },
);

Deno.test(
  needsRun("client.ts --end-of-file sends no marker"),
  async (t) => {
    const cases: [string, string[], string | undefined][] = [
      ["--data", ["--data=CLIENT WRONG MARKER"], undefined],
      ["standard input", [], "CLIENT WRONG MARKER"],
    ];
    for (const [name, args, input] of cases) {
      await t.step(name, async () => {
        await using server = serveOne(async (conn) => {
          await writeAll(conn, `got ${await readText(conn)}`);
        });
        const flags = [`--port=${server.port}`, "--end-of-file", ...args];
        const { code, stdout } = await runClient(flags, input);
        assertMatch(
          stdout,
          /^connected\nsent .*\nshutdown\ngot CLIENT WRONG MARKER\n$/,
        );
        assertEquals(code, 0);
      });
    }
    for (const flag of ["--marker=;", "--keep-alive", "--half-close=after"]) {
      await t.step(`excludes ${flag}`, async () => {
        const args = ["--end-of-file", flag, "--data=a"];
        const { code, stderr } = await runClient(args);
        assertMatch(
          stderr,
          /^--end-of-file and --.* exclude each other; .*\n$/,
        );
        assertEquals(code, 2);
      });
    }
  },
);

Deno.test(
  needsRun(
    "client.ts ends after an early reply, although its input stays open",
  ),
  async () => {
    await using server = serveOne(async (conn) => {
      await writeAll(conn, "ERROR:busy!");
    });
    const args = [`--port=${server.port}`, "--quiet"];
    const { code, stdout } = await runWithOpenInput(args, "a");
    assertEquals([stdout, code], ["ERROR:busy!", 1]);
  },
);
