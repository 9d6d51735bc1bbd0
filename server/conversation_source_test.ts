import { assert, assertEquals } from "@std/assert";
import { KEEPING, scriptedConnection } from "../tests/scripted_connection.ts";
import type { Conversation, Converse } from "./conversation.ts";

const { keepAlive: _, ...TIMES } = KEEPING;

function conversing(converse: Converse) {
  return scriptedConnection({ ...TIMES, converse });
}

/** More calls than a caller makes whom the event loop interrupts. */
const ENDLESS = 100_000;

Deno.test.each<{
  name: string;
  data: string | Error | null;
  call: (each: Conversation) => Promise<unknown>;
}>([
  { name: "the end of file", data: null, call: (each) => each.until(";") },
  {
    name: "a reset",
    data: new Deno.errors.ConnectionReset(),
    call: (each) => each.message(),
  },
  {
    name: "the end of the conversation",
    data: new Deno.errors.ConnectionReset(),
    call: (each) => (each.close(), each.write("a")),
  },
  {
    name: "a message that is too large",
    data: "a".repeat(100),
    call: (each) => each.message({ maxBytes: 10 }),
  },
])(
  "ConversationSource lets others go on beside a function that does not notice $name",
  async ({ data, call }) => {
    let calls = 0;
    const over = Promise.withResolvers<void>();
    const { connection, send } = conversing(async (conversation) => {
      for (; calls < ENDLESS; calls++) {
        await call(conversation).catch(() => {});
      }
      over.resolve();
    });
    const report = connection.run();
    await send(data);
    assert(calls < ENDLESS, "the event loop stood still");
    calls = ENDLESS;
    await send(null);
    await report;
    await over.promise;
  },
);

Deno.test("ConversationSource does not slow a function down that reads small messages", async () => {
  const { connection, written, send } = conversing(async (conversation) => {
    for (let message; (message = await conversation.message()) !== null;) {
      await conversation.reply(message.bytes());
    }
  });
  const report = connection.run();
  for (let count = 1; count <= 300; count++) {
    await send("a;");
    assertEquals(written().length, 2 * count);
  }
  await send(null);
  await report;
});

Deno.test("ConversationSource reads nothing after the end of the grace, also of what has arrived", async () => {
  const held = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  const { connection, written, send, settle } = conversing(
    async (conversation) => {
      for (;;) {
        const message = await conversation.message().catch((error) => {
          errors.push(error.code);
          throw error;
        });
        await conversation.reply(async function* () {
          yield message!.text();
          await held.promise;
          yield "!";
        }());
      }
    },
  );
  const report = connection.run();
  await send("a;b;c;");
  assertEquals(written(), "a");
  connection.finishSoon();
  connection.interrupt("shutting down");
  held.resolve();
  await settle();
  // The reply that had begun is complete.
  assertEquals(written(), "a!;ERROR:shutting down!;");
  assertEquals(errors, ["shutting down"]);
  await send(null);
  assertEquals((await report).outcome, "shutting down");
});
