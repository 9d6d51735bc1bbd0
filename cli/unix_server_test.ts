import { assertEquals } from "@std/assert";
import { needsRun } from "../tests/options.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { FreshSocketFile } from "./unix_server.ts";

/** Listens on a Unix socket. Closing does not remove the file of another. */
function listen(path: string): Deno.UnixListener {
  return Deno.listen({ transport: "unix", path });
}

Deno.test(
  needsRun("isSettled() is true while the file is its own"),
  async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/socket`;
    using _listener = listen(path);
    assertEquals(await new FreshSocketFile(path).isSettled(1), true);
  },
);

Deno.test(needsRun("isSettled() is false after a replacement"), async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/socket`;
  using _listener = listen(path);
  const settled = new FreshSocketFile(path).isSettled(1);
  using _other = listen(`${path}.other`);
  Deno.renameSync(`${path}.other`, path);
  assertEquals(await settled, false);
});

Deno.test(
  needsRun("isSettled() waits for a file that is put back"),
  async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/socket`;
    using _listener = listen(path);
    const file = new FreshSocketFile(path);
    Deno.renameSync(path, `${path}.kept`);
    setTimeout(() => Deno.renameSync(`${path}.kept`, path), 5);
    assertEquals(await file.isSettled(1), true);
  },
);
