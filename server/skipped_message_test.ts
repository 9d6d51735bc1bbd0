import { assert, assertEquals } from "@std/assert";
import { KEEPING, scriptedConnection } from "../tests/scripted_connection.ts";

const SKIPPING = { ...KEEPING, maxBytes: 4, tooLarge: "skip" } as const;

Deno.test("a message that is skipped and never ends has one error reply", async () => {
  const { connection, written, send, pass } = scriptedConnection(SKIPPING);
  const report = connection.run();
  await send("aaaaaa");
  await pass(1100);
  await send(null);
  await report;
  assertEquals(written(), "ERROR:too large!;");
});

Deno.test("a message that is skipped takes no memory, however long it is", async () => {
  const { connection, pool, written, send } = scriptedConnection(SKIPPING);
  const report = connection.run();
  for (let part = 0; part < 200; part++) {
    await send(new Uint8Array(1000).fill(97));
    assert(pool.leasedBytes <= 2048, `${pool.leasedBytes}`);
  }
  await send(";b;");
  await send(null);
  await report;
  assertEquals(written(), "ERROR:too large!;b;");
});
