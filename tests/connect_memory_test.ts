import { assertEquals } from "@std/assert";
import { needsRun } from "./options.ts";
import { PROJECT } from "./scripts.ts";

/** Counts the replies that are still in memory after a collection. */
const COUNT_REPLIES = `
  import { connect, serve } from "${new URL("mod.ts", PROJECT)}";

  await using server = serve({ port: 0, end: ";", keepAlive: true });
  const { port } = server.addr;
  await using client = await connect({ port, end: ";" });
  const replies = [];
  for (let i = 0; i < 100; i++) {
    replies.push(new WeakRef(await client.request("a")));
  }
  // A WeakRef holds its target until the next turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 10));
  gc();
  console.log(replies.filter((reply) => reply.deref() !== undefined).length);
`;

Deno.test(
  needsRun("connect() does not keep the replies of earlier requests"),
  async () => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--v8-flags=--expose-gc", COUNT_REPLIES],
      cwd: new URL(".", PROJECT),
      stderr: "inherit",
    }).output();
    const kept = Number(new TextDecoder().decode(stdout));
    // The last one may still be on the stack.
    assertEquals(kept <= 2, true, `${kept} of 100 replies are kept`);
  },
);
