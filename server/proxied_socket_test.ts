import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { latin1, line } from "../tests/proxy_headers.ts";
import { ProxiedSocket } from "./proxied_socket.ts";
import type { ServerSocket } from "./socket.ts";
import { setKeepAlive } from "./socket_options.ts";

/** A connection that delivers these chunks, and then the end of file. */
function connOf(...texts: string[]): ServerSocket {
  const chunks = texts.map(latin1);
  return {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    read(buffer: Uint8Array) {
      const chunk = chunks.shift();
      if (chunk === undefined) return Promise.resolve(null);
      const taken = chunk.subarray(0, buffer.length);
      buffer.set(taken);
      if (taken.length < chunk.length) {
        chunks.unshift(chunk.subarray(taken.length));
      }
      return Promise.resolve(taken.length);
    },
  } as unknown as ServerSocket;
}

async function readAll(socket: ProxiedSocket, bufferBytes: number) {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const buffer = new Uint8Array(bufferBytes);
    const count = await socket.read(buffer);
    if (count === null) break;
    chunks.push(buffer.subarray(0, count));
  }
  return new TextDecoder().decode(concat(chunks));
}

Deno.test.each([1, 2, 7, 1000])(
  "ProxiedSocket.read() returns all that follows the header, %i bytes at a time",
  async (bufferBytes) => {
    const socket = new ProxiedSocket(
      connOf(`${line("192.0.2.1")}0123456789`, "", "abc"),
    );
    assertEquals(await socket.readHeader(), undefined);
    assertEquals(await readAll(socket, bufferBytes), "0123456789abc");
    assertEquals((socket.remoteAddr as Deno.NetAddr).hostname, "192.0.2.1");
  },
);

Deno.test("ProxiedSocket.readHeader() reports a bad header, and no address", async () => {
  const socket = new ProxiedSocket(connOf("PROXY TCP4 192.0.2.1 192.0.2.2 1"));
  assertEquals(await socket.readHeader(), {
    problem: "an end of file before the end of the header",
  });
  assertEquals((socket.remoteAddr as Deno.NetAddr).hostname, "127.0.0.1");
});

Deno.test("ProxiedSocket.setKeepAlive() tells whether it has failed", () => {
  let isPossible = false;
  const socket = new ProxiedSocket({
    ...connOf(),
    setKeepAlive() {
      if (!isPossible) throw new Deno.errors.Busy();
    },
  });
  assertEquals(setKeepAlive(socket), false);
  isPossible = true;
  assertEquals(setKeepAlive(socket), true);
});
