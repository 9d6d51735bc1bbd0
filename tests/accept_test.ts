// What the accept loop does when `accept()` fails, and where no place is free.

import { assertEquals } from "@std/assert";
import type { ServeOptions } from "../mod.ts";
import { SocketServer } from "../server.ts";
import { echoTwice } from "../server/handler.ts";
import { fasterTime } from "./faster_time.ts";
import { LocalServer } from "./local_server.ts";
import { needsNet } from "./options.ts";
import {
  connectTo,
  listenLocally,
  ordinaryClient,
  readText,
  writeAll,
} from "./sockets.ts";

type Accept = () => Promise<Deno.TcpConn>;

/** A server whose `accept()` is another one, made of the listener's own. */
function serveThrough(
  change: (accept: Accept) => Accept,
  options: ServeOptions = {},
): SocketServer & { port: number } {
  const listener = listenLocally();
  listener.accept = change(listener.accept.bind(listener));
  const { port } = listener.addr;
  const all = { end: ";", ...options };
  return Object.assign(new SocketServer(all, echoTwice, { listener }), {
    port,
  });
}

/** Has `accept()` fail with these errors, before it accepts. */
function failingFirst(failures: readonly Error[]): (accept: Accept) => Accept {
  const queue = [...failures];
  return (accept) => () => {
    const failure = queue.shift();
    return failure === undefined ? accept() : Promise.reject(failure);
  };
}

Deno.test(
  needsNet("serve() does not pause for clients that left before the accept"),
  async () => {
    const { NotConnected, ConnectionAborted, ConnectionReset } = Deno.errors;
    for (const Left of [NotConnected, ConnectionAborted, ConnectionReset]) {
      // With a pause of 100 ms after each, this would take minutes.
      const failures = Array.from({ length: 1000 }, () => new Left("left"));
      const reported: unknown[] = [];
      await using server = serveThrough(failingFirst(failures), {
        onAcceptError: (error) => reported.push(error),
      });
      assertEquals(await ordinaryClient(server.port, "a;"), "aa");
      assertEquals(reported, []);
    }
  },
);

Deno.test(
  needsNet("serve() reports a row of failures of accept() once, and each row"),
  async () => {
    const failures = [1, 2, 3].map((row) => new Error(`row ${row}`));
    const queue = failures.flatMap((failure) => [failure, failure]);
    let isNext = false;
    const reported: unknown[] = [];
    // Two failures, a connection, two failures, and so on.
    await using server = serveThrough(
      (accept) => () => {
        isNext = !isNext || queue.length % 2 === 1;
        const failure = isNext ? queue.shift() : undefined;
        return failure === undefined ? accept() : Promise.reject(failure);
      },
      { onAcceptError: (error) => reported.push(error) },
    );
    for (const _ of failures) {
      assertEquals(await ordinaryClient(server.port, "a;"), "aa");
    }
    assertEquals(reported, failures);
  },
);

Deno.test(
  needsNet("shutdown() does not wait for a client that is accepted meanwhile"),
  async () => {
    const gate = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const server = serveThrough(
      (accept) => async () => {
        const conn = await accept();
        arrived.resolve();
        await gate.promise;
        return conn;
      },
      { keepAlive: true, grace: 0 },
    );
    using conn = await connectTo(server.port);
    await arrived.promise;
    const finished = server.shutdown();
    gate.resolve();
    // The limit for an idle client, 30 s, is longer than a test may take.
    assertEquals(await readText(conn), "");
    await conn.closeWrite();
    await finished;
  },
);

Deno.test(
  needsNet("serve() refuses any number of clients, one after the other"),
  async () => {
    await using server = new LocalServer({ maxConnections: 1 });
    using holder = await connectTo(server.port);
    await writeAll(holder, "a");
    {
      // Time stands still: no client has to make way because it has stayed for
      // a second, and a pause of the server would not end.
      using _ = fasterTime(1 / 1000);
      for (let client = 0; client < 600; client++) {
        assertEquals(await ordinaryClient(server.port, ""), "ERROR:busy!");
      }
    }
    await writeAll(holder, "<END>");
    await holder.closeWrite();
  },
);
