import { assertEquals } from "@std/assert";
import { ErrorReply, type MessageInfo, serve } from "../mod.ts";
import { LocalServer } from "./local_server.ts";
import { needsNet } from "./options.ts";
import { ordinaryClient } from "./sockets.ts";

const KEEPING = { end: ";", keepAlive: true };

Deno.test(
  needsNet("onError receives the error, the message and its info"),
  async () => {
    const calls: [unknown, string, MessageInfo][] = [];
    const thrown = new Error("thrown");
    await using server = new LocalServer({
      ...KEEPING,
      onError: (error, message, info) =>
        calls.push([error, message?.text() ?? "", info]),
    }, (message) => {
      if (message.text() === "rejected") return Promise.reject(thrown);
      if (message.text() === "refused") throw new ErrorReply("no");
      throw thrown;
    });
    const replies = await ordinaryClient(server.port, "a;rejected;refused;");
    assertEquals(replies, "ERROR:failed!;ERROR:failed!;ERROR:no!;");
    const texts = calls.map(([error, text]) => [error, text]);
    assertEquals(texts, [[thrown, "a"], [thrown, "rejected"]]);
    const { remoteAddr } = await server.report();
    for (const [, , info] of calls) {
      assertEquals(info.remoteAddr, remoteAddr);
      assertEquals(info.signal.aborted, true);
    }
  },
);

Deno.test(needsNet("onError is console.error by default"), async () => {
  const printed: unknown[] = [];
  const { error: realError } = console;
  console.error = (...args: unknown[]) => printed.push(args[0]);
  try {
    const thrown = new Error("thrown");
    await using server = new LocalServer({}, () => {
      throw thrown;
    });
    const reply = await ordinaryClient(server.port, "a<END>");
    assertEquals(reply, "ERROR:failed!");
    assertEquals(printed, [thrown]);
  } finally {
    console.error = realError;
  }
});

const FAILURES = [
  {
    name: "throw",
    fail: (error: Error) => {
      throw error;
    },
  },
  { name: "reject", fail: (error: Error) => Promise.reject(error) },
];

for (const { name, fail } of FAILURES) {
  Deno.test(
    needsNet(`onError and onAcceptError may ${name}, and the server goes on`),
    async () => {
      const errors: unknown[] = [];
      const ofCallback = new Error("of onError");
      await using server = serve({
        ...KEEPING,
        port: 0,
        onError: () => fail(ofCallback),
        onAcceptError: (error) => {
          errors.push(error);
          return fail(new Error("of onAcceptError"));
        },
      }, (message) => {
        if (message.text() === "bad") throw new Error("thrown");
        return message.text();
      });
      const replies = await ordinaryClient(server.addr.port, "bad;b;bad;c;");
      assertEquals(replies, "ERROR:failed!;b;ERROR:failed!;c;");
      assertEquals(errors, [ofCallback, ofCallback]);
    },
  );
}

Deno.test(
  needsNet("onConversation may reject, and the server goes on"),
  async () => {
    const errors: unknown[] = [];
    const thrown = new Error("thrown");
    const server = serve({
      port: 0,
      end: ";",
      onConversation: async () => {
        await Promise.resolve();
        throw thrown;
      },
      onAcceptError: (error) => errors.push(error),
    });
    assertEquals(await ordinaryClient(server.addr.port, "a;"), "aa");
    assertEquals(await ordinaryClient(server.addr.port, "b;"), "bb");
    await server.shutdown();
    assertEquals(errors, [thrown, thrown]);
  },
);
