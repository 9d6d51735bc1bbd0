import { assert, assertEquals } from "@std/assert";
import { equals } from "@std/bytes";
import { CLIENT_MARKER } from "../framing/defaults.ts";
import { connect, sendData, serve } from "../mod.ts";
import { needsLinux, needsNet, needsRun } from "./options.ts";
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

const MIB = 1024 ** 2;

/** Prints the peak memory of a client, as a multiple of the reply. */
const MEASURE_PEAK = `
  import { sendData } from "${new URL("mod.ts", PROJECT)}";

  const [port, byteLength] = Deno.args.map(Number);
  const peak = () => Number(
    /VmHWM:\\s+(\\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"))[1]
  ) * 1024;
  const options = { port, maxReplyBytes: byteLength };
  await sendData("small", options);
  const before = peak();
  const reply = await sendData("large", options);
  if (reply.data.length !== byteLength) throw new Error("A short reply");
  console.log((peak() - before) / byteLength);
`;

Deno.test(
  needsLinux("sendData() takes the memory of a large reply once"),
  async () => {
    const byteLength = 128 * MIB;
    const chunk = new Uint8Array(MIB);
    await using server = serve(
      { port: 0, end: CLIENT_MARKER },
      (message) =>
        message.text() === "small" ? "a" : Array(byteLength / MIB).fill(chunk),
    );
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", MEASURE_PEAK, `${server.addr.port}`, `${byteLength}`],
      cwd: new URL(".", PROJECT),
      stderr: "inherit",
    }).output();
    const multiple = Number(new TextDecoder().decode(stdout));
    // 1.03 is usual; a second copy would make it 2.
    assert(multiple > 0.9 && multiple < 1.5, `${multiple} times the reply`);
  },
);

/** Parts of a reply of 66 MiB: a client frees what it joins from 64 MiB on. */
function largeReply(): Uint8Array<ArrayBuffer>[] {
  const part = new Uint8Array(3 * MIB).map((_, index) => index % 251);
  return Array(22).fill(part);
}

/** Whether bytes are those of {@linkcode largeReply}. */
function isLargeReply(bytes: Uint8Array): boolean {
  return largeReply().every((part, index) => {
    const start = index * part.length;
    return equals(bytes.subarray(start, start + part.length), part);
  });
}

Deno.test(
  needsNet("connect() keeps each of several large replies as it was"),
  async () => {
    const framing = { end: "\n", replyEnd: "END" };
    await using server = serve(
      { port: 0, keepAlive: true, ...framing },
      (message) => [message.bytes(), ...largeReply()],
    );
    const { port } = server.addr;
    await using client = await connect({ port, ...framing });
    const replies = await Promise.all(
      ["a", "b"].map((letter) => client.request(letter)),
    );
    for (const [index, { data }] of replies.entries()) {
      assertEquals(data[0], 97 + index);
      assert(isLargeReply(data.subarray(1)));
    }
  },
);

Deno.test("sendData() leaves the chunks of a stream to their owner", async () => {
  const chunks = Array.from({ length: 65 }, () => new Uint8Array(MIB));
  const reply = await sendData("a", {
    conn: {
      readable: ReadableStream.from(chunks),
      writable: new WritableStream(),
    },
  });
  assertEquals(reply.data.length, 65 * MIB);
  assert(chunks.every(({ length }) => length === MIB));
});
