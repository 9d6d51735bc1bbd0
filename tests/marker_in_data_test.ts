// Data, replies and error replies that contain their own end marker would shift
// all later replies of a connection by one; so would bytes without a request.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, ConversationError, ErrorReply, sendData } from "../mod.ts";
import { LocalServer } from "./local_server.ts";
import { needsNet } from "./options.ts";
import {
  listenLocally,
  ordinaryClient,
  readLength,
  readText,
  writeAll,
} from "./sockets.ts";

/** A stream of these chunks. */
function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks).pipeThrough(new TextEncoderStream());
}

const REFUSED = "Cannot send data that contains its end marker";

Deno.test(
  needsNet("request() refuses data with the end marker, and goes on"),
  async () => {
    await using server = new LocalServer({ end: "\r\n", keepAlive: true });
    await using client = await connect({ port: server.port, end: "\r\n" });
    for (const data of ["one\r\ntwo", "\r\n"]) {
      const request = () => client.request(data);
      await assertRejects(request, TypeError, REFUSED);
      assertEquals((await client.request("next")).text(), "nextnext");
    }
    // The end of the data and the start of the marker make another marker.
    assertEquals((await client.request("a\r")).text(), "a\ra\r");
  },
);

Deno.test(
  needsNet("request() refuses a marker across the chunks of a stream"),
  async () => {
    const handled: string[] = [];
    await using server = new LocalServer(
      { end: "\r\n", keepAlive: true },
      (message) => {
        handled.push(message.text());
        return "fine";
      },
    );
    await using client = await connect({ port: server.port, end: "\r\n" });
    const request = () => client.request(streamOf("on", "e\r", "\ntwo"));
    await assertRejects(request, TypeError, REFUSED);
    // What was sent cannot be taken back: the connection is of no more use.
    await assertRejects(() => client.request("next"), ConversationError);
    await server.report();
    assertEquals(handled, []);
  },
);

Deno.test(
  needsNet("sendData() refuses data with the end marker"),
  async () => {
    await using server = new LocalServer({ end: "\r\n" });
    const options = { port: server.port, end: "\r\n" };
    for (const data of ["one\r\ntwo", streamOf("on", "e\r", "\ntwo")]) {
      const sending = () => sendData(data, options);
      await assertRejects(sending, TypeError, REFUSED);
    }
  },
);

Deno.test(
  needsNet("serve() refuses a reply with its end marker, and goes on"),
  async () => {
    const errors: unknown[] = [];
    const replies: Record<string, string | string[]> = {
      text: "one\r\ntwo",
      list: ["on", "e\r", "\ntwo"],
      fine: "fine",
    };
    await using server = new LocalServer({
      end: "\r\n",
      keepAlive: true,
      onError: (error) => errors.push(error),
    }, (message) => {
      const text = message.text();
      if (text === "code") throw new ErrorReply("x");
      return replies[text]!;
    });
    await using client = await connect({ port: server.port, end: "\r\n" });
    for (const request of ["text", "list"]) {
      assertEquals((await client.request(request)).error, "failed");
      assertEquals((await client.request("fine")).text(), "fine");
    }
    assertEquals(errors.map((error) => (error as Error).message), [
      REFUSED,
      REFUSED,
    ]);
  },
);

Deno.test(
  needsNet("serve() refuses an error reply with the end marker, and goes on"),
  async () => {
    const errors: unknown[] = [];
    await using server = new LocalServer({
      end: "|",
      keepAlive: true,
      onError: (error) => errors.push(error),
    }, (message) => {
      if (message.text() === "bad") throw new ErrorReply("a|b");
      return "fine";
    });
    const replies = await ordinaryClient(server.port, "bad|good|");
    assertEquals(replies, "ERROR:failed!|fine|");
    assertEquals(errors.length, 1);
  },
);

Deno.test(
  needsNet("serve() breaks off a stream of a reply at the end marker"),
  async () => {
    const errors: unknown[] = [];
    await using server = new LocalServer(
      {
        end: "\r\n",
        keepAlive: true,
        onError: (error) => errors.push(error),
      },
      (message) =>
        message.text() === "bad" ? streamOf("on", "e\r", "\ntwo") : "fine",
    );
    await using client = await connect({ port: server.port, end: "\r\n" });
    const [bad, next] = await Promise.allSettled([
      client.request("bad"),
      client.request("next"),
    ]);
    // Neither reply is a wrong one.
    for (const reply of [bad, next]) {
      assert(reply.status === "rejected");
      assert(reply.reason instanceof ConversationError);
    }
    assertEquals(errors.length, 1);
    assertEquals((await server.report()).replyLost, true);
  },
);

Deno.test(
  needsNet("request() does not take unsolicited bytes for its reply"),
  async () => {
    const listener = listenLocally();
    const sent = Promise.withResolvers<void>();
    const serving = (async () => {
      using conn = await listener.accept();
      await readLength(conn, 2);
      await writeAll(conn, "aa;unsolicited;");
      sent.resolve();
      await readText(conn).catch(() => "");
    })();
    const { port } = listener.addr;
    const client = await connect({ port, end: ";" });
    assertEquals((await client.request("a")).text(), "aa");
    await sent.promise;
    const error = await assertRejects(
      () => client.request("b"),
      ConversationError,
    );
    assertEquals(error.reason, "unsolicited");
    client.close();
    await serving;
    listener.close();
  },
);

Deno.test(
  needsNet("request() does not take bytes that came while idle for its reply"),
  async () => {
    const listener = listenLocally();
    const isIdle = Promise.withResolvers<void>();
    const serving = (async () => {
      using conn = await listener.accept();
      await readLength(conn, 2);
      await writeAll(conn, "aa;");
      await isIdle.promise;
      await writeAll(conn, "unsolicited;");
      await readText(conn).catch(() => "");
    })();
    const closed = Promise.withResolvers<void>();
    const client = await connect({
      port: listener.addr.port,
      end: ";",
      onEvent: ({ type }) => type === "closed" && closed.resolve(),
    });
    assertEquals((await client.request("a")).text(), "aa");
    isIdle.resolve();
    await closed.promise;
    for (const data of ["b", "c"]) {
      const error = await assertRejects(
        () => client.request(data),
        ConversationError,
      );
      assertEquals(error.reason, "unsolicited");
      const received = new TextDecoder().decode(error.received);
      assertEquals(received, "unsolicited;");
    }
    await client.close();
    await serving;
    listener.close();
  },
);
