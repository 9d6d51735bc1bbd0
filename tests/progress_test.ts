import { assert, assertEquals, assertMatch } from "@std/assert";
import { foreignTest, readAll, runProgram, writeAll } from "./testing.ts";

/** Runs a program whose standard error is a terminal; prints what it shows. */
const TERMINAL = `
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
child = subprocess.Popen(
    sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs
)
os.close(theirs)
shown = b""
while True:
    try:
        some = os.read(ours, 4096)
    except OSError:
        break
    if not some:
        break
    shown += some
print(shown.decode())
child.stdout.read()
sys.exit(child.wait())
`;

const CLIENT = new URL("client.ts", import.meta.url).href;

/** Longer than what shows nothing, in ms. */
const LONG = 1500;

const pause = () => new Promise((resolve) => setTimeout(resolve, LONG));

/** A server that takes its time for all that it does. */
async function holdSlowly(listener: Deno.TcpListener): Promise<void> {
  using conn = await listener.accept();
  const room = new Uint8Array(1024);
  await conn.read(room);
  await pause();
  await readAll(conn);
  await pause();
  await writeAll(conn, "some");
  await pause();
  await writeAll(conn, "thing");
}

foreignTest(
  ["python3"],
  "client.ts shows progress on a terminal, and clears it",
  async () => {
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeFile(file, new Uint8Array(16 * 1024 * 1024));
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const holding = holdSlowly(listener);
      const { code, stdout } = await runProgram("python3", [
        "-c",
        TERMINAL,
        Deno.execPath(),
        "run",
        "--quiet",
        "--allow-net=127.0.0.1",
        `--allow-read=${file}`,
        CLIENT,
        `--file=${file}`,
        `--port=${listener.addr.port}`,
      ]);
      await holding;
      assertEquals(code, 0);
      assertMatch(
        stdout,
        /sending {2}\[[=-]{20}\] {2}\d+ % {2}[\d.]+ MiB of 16 MiB {2}[\d.]+ MiB\/s/,
      );
      assertMatch(stdout, /waiting for the reply {2}1\.\d s/);
      assertMatch(stdout, /receiving {2}4 B {2}\d.* B\/s/);
      // The last that happens to the line: the whole of it is cleared.
      assert(stdout.trimEnd().endsWith("\x1b[2K"));
    } finally {
      await Deno.remove(file);
    }
  },
);
