import { assert, assertEquals } from "@std/assert";
import { needsPrograms } from "./options.ts";
import { Program } from "./programs.ts";
import { pathOf } from "./scripts.ts";
import { listenLocally, readAll, writeAll } from "./sockets.ts";
import { temporaryDirectory } from "./temporary.ts";

/** Runs a program whose standard error is a terminal; prints what it shows. */
const TERMINAL = `
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
child = subprocess.Popen(
    sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs
)
os.close(theirs)
while True:
    try:
        shown = os.read(ours, 4096)
    except OSError:
        break
    if not shown:
        break
    os.write(1, shown)
child.stdout.read()
sys.exit(child.wait())
`;

const SENDING =
  /sending {2}\[[=-]{20}\] {2}\d+ % {2}[\d.]+ MiB of 16 MiB {2}[\d.]+ MiB\/s/;

Deno.test(
  needsPrograms(
    ["python3"],
    "client.ts shows progress on a terminal, and clears it",
  ),
  async () => {
    await using directory = await temporaryDirectory();
    const file = `${directory.path}/file`;
    await Deno.writeFile(file, new Uint8Array(16 * 1024 * 1024));
    using listener = listenLocally();
    await using client = new Program("python3", [
      ...["-c", TERMINAL, Deno.execPath(), "run", "--quiet"],
      "--allow-net=127.0.0.1",
      `--allow-read=${file},${pathOf(".")}`,
      pathOf("client.ts"),
      `--file=${file}`,
      `--port=${listener.addr.port}`,
    ]);
    // The server goes on when the client has shown what it waits for.
    using conn = await listener.accept();
    await client.says(SENDING);
    await readAll(conn);
    await client.says(/waiting for the reply {2}\d+\.\d s/);
    await writeAll(conn, "some");
    await client.says(/receiving {2}4 B {2}\d.* B\/s/);
    await writeAll(conn, "thing");
    conn.close();
    const { code, stdout } = await client.finished;
    assertEquals(code, 0);
    // In the end, the line is cleared.
    assert(stdout.trimEnd().endsWith("\x1b[2K"));
  },
);
