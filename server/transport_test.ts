import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { concat } from "@std/bytes";
import { freshBlocks, ReadBuffer } from "../framing/read_buffer.ts";
import { Deadline, DeadlineTimer } from "./deadline.ts";
import { Interruption } from "./interruption.ts";
import { Phases } from "./phases.ts";
import { CANCELLED, Transport } from "./transport.ts";

/** Limits with ticks of 50 ms. */
const TIMES = {
  idleTimeoutMs: 1000,
  messageTimeoutMs: 1000,
  lingerTimeoutMs: 800,
  minRate: 1000,
};

const NEVER = new Promise<never>(() => {});

/** A transport over a connection with these parts, and its deadline. */
function transportOver(parts: Partial<Deno.Conn>) {
  const timer = new DeadlineTimer([800], new Set());
  const buffer = new ReadBuffer(freshBlocks, 1000);
  const deadline = new Deadline(timer);
  const conn = {
    read: () => NEVER,
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close: () => {},
    ...parts,
  } as unknown as Deno.Conn;
  const phases = new Phases(TIMES, timer);
  const transport = new Transport(conn, buffer, deadline, phases);
  return { transport, timer, buffer, deadline };
}

/** A transport over a connection on which nothing ever arrives. */
function silentTransport(): Transport {
  return transportOver({}).transport;
}

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("Transport.interrupt() ends the wait for a handler or a read", async () => {
  for (const kind of ["handler", "read"]) {
    const transport = silentTransport();
    const waiting = kind === "read"
      ? transport.read()
      : transport.waitFor(new Promise<never>(() => {}));
    transport.interrupt("timed out");
    const result = await waiting;
    assertInstanceOf(result, Interruption);
    assertEquals(result.errorCode, "timed out");
  }
});

Deno.test("Transport.interrupt() between two waits ends the next one", async () => {
  for (const kind of ["handler", "read"]) {
    const transport = silentTransport();
    assertEquals(await transport.waitFor(Promise.resolve(1)), 1);
    transport.interrupt("shutting down");
    const result = kind === "read"
      ? await transport.read()
      : await transport.waitFor(new Promise<never>(() => {}));
    assertInstanceOf(result, Interruption);
    assertEquals(result.errorCode, "shutting down");
    // It ends one wait, not all that follow.
    assertEquals(await transport.waitFor(Promise.resolve(2)), 2);
  }
});

Deno.test("Transport.interrupt() after a wait ends the next one", async () => {
  for (const isRejected of [false, true]) {
    const transport = silentTransport();
    const settled = isRejected ? Promise.reject("failed") : Promise.resolve(1);
    await transport.waitFor(settled).catch(() => {});
    transport.interrupt("timed out");
    assertInstanceOf(await transport.read(), Interruption);
  }
});

/** A `write()` that takes at most this many bytes at a time, and keeps them. */
function slowWriter(most: number, onWrite: () => void = () => {}) {
  const written: Uint8Array[] = [];
  const write = (bytes: Uint8Array) => {
    onWrite();
    const taken = bytes.slice(0, most);
    written.push(taken);
    return Promise.resolve(taken.length);
  };
  return { write, text: () => new TextDecoder().decode(concat(written)) };
}

Deno.test("Transport.write() writes all in order, however little a write takes", async () => {
  for (const most of [1, 2, 3, 5, 100]) {
    const writer = slowWriter(most);
    const { transport } = transportOver({ write: writer.write });
    transport.queue(utf8("ab"));
    transport.queue(utf8("c"));
    await transport.write(utf8("defgh"));
    transport.queue(utf8("i"));
    await transport.flush();
    assertEquals(writer.text(), "abcdefghi");
    assertEquals(transport.bytesOut, 9);
  }
});

Deno.test("Transport.flush() empties the queue", async () => {
  const { transport } = transportOver({});
  for (let round = 0; round < 3; round++) {
    transport.queue(new Uint8Array(32 * 1024));
    assertEquals(transport.queued.isFull, false);
    transport.queue(new Uint8Array(32 * 1024));
    assertEquals(transport.queued.isFull, true);
    await transport.flush();
    assertEquals(transport.flush(), undefined);
  }
});

Deno.test("Transport.write() is not ended while each write makes progress", async () => {
  let isOver = false;
  const writer = slowWriter(1, () => {
    // Nine tenths of the limit without progress.
    timer.ticks += 18;
    isOver ||= deadline.hasPassed(timer.ticks, true);
  });
  const { transport, timer, deadline } = transportOver({ write: writer.write });
  await transport.write(utf8("abcdefgh"));
  assertEquals([writer.text(), isOver], ["abcdefgh", false]);
});

Deno.test("Transport.write() earns time for what was written before", async () => {
  const writes: (() => void)[] = [];
  const { transport, timer, deadline } = transportOver({
    write: (bytes) =>
      new Promise((resolve) => writes.push(() => resolve(bytes.length))),
  });
  // 5,000 bytes are worth 5 s at the minimal rate, which are 100 ticks.
  const first = transport.write(new Uint8Array(5000));
  writes[0]!();
  await first;
  const second = transport.write(new Uint8Array(10));
  assertEquals(deadline.hasPassed(timer.ticks + 100 + 20), false);
  assertEquals(deadline.hasPassed(timer.ticks + 100 + 21), true);
  writes[1]!();
  await second;
});

Deno.test("Transport.write() earns time for what a part of a write took", async () => {
  const writes: (() => void)[] = [];
  const { transport, timer, deadline } = transportOver({
    write: (bytes) => {
      const count = Math.min(bytes.length, 5000);
      return new Promise((resolve) => writes.push(() => resolve(count)));
    },
  });
  const writing = transport.write(new Uint8Array(5010));
  writes[0]!();
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(deadline.hasPassed(timer.ticks + 100 + 20), false);
  assertEquals(deadline.hasPassed(timer.ticks + 100 + 21), true);
  writes[1]!();
  await writing;
});

Deno.test("Transport.write() leaves no limit behind", async () => {
  const { transport, timer, deadline } = transportOver({});
  await transport.write(utf8("a"));
  assertEquals(deadline.hasPassed(timer.ticks + 1000), false);
});

/** A `read()` that a test answers, one call after the other. */
function readsOnDemand() {
  const waiting: ((count: number | null) => void)[] = [];
  return {
    read: () => new Promise<number | null>((resolve) => waiting.push(resolve)),
    /** Answers the pending read, and lets the transport react. */
    async answer(count: number | null) {
      waiting.shift()!(count);
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

Deno.test("Transport.linger() ends with the end of file, and counts all bytes", async () => {
  const { read, answer } = readsOnDemand();
  const { transport } = transportOver({ read });
  transport.drain();
  await answer(100);
  const lingering = transport.linger();
  await answer(200);
  assertEquals(transport.isLingering, true);
  await answer(null);
  await lingering;
  assertEquals([transport.bytesIn, transport.isEndOfFile], [300, true]);
});

Deno.test("Transport.linger() is put off by each byte, and has a limit in all", async () => {
  const { read, answer } = readsOnDemand();
  const { transport, timer, deadline } = transportOver({ read });
  transport.drain();
  const lingering = transport.linger();
  await new Promise((resolve) => setTimeout(resolve));
  // Where places run short: 800 ms without a byte, and 30 s in all, however
  // much time the bytes earn.
  for (let ticks = 15; ticks < 600; ticks += 15) {
    timer.ticks += 15;
    assertEquals(deadline.hasPassed(timer.ticks, true), false, `${ticks}`);
    await answer(1000);
  }
  timer.ticks += 16;
  assertEquals(deadline.hasPassed(timer.ticks, true), true);
  await answer(null);
  await lingering;
});

Deno.test("Transport.linger() gives a client time that sends at the minimal rate", async () => {
  const { read, answer } = readsOnDemand();
  const { transport, timer, deadline } = transportOver({ read });
  transport.drain();
  const lingering = transport.linger();
  await new Promise((resolve) => setTimeout(resolve));
  for (let ms = 0; ms < 60_000; ms += 500) {
    await answer(500);
    timer.ticks += 10;
    assertEquals(deadline.hasPassed(timer.ticks), false, `${ms} ms`);
  }
  // Then it is silent: the limit itself remains, and no more.
  timer.ticks += 17;
  assertEquals(deadline.hasPassed(timer.ticks), true);
  await answer(null);
  await lingering;
});

Deno.test("Transport.read() that fails leaves its block to be released", async () => {
  const released: unknown[] = [];
  const failure = new Deno.errors.ConnectionReset("reset");
  const buffer = new ReadBuffer({
    ...freshBlocks,
    release: (block) => released.push(block),
  }, 1000);
  const { timer, deadline } = transportOver({});
  const conn = { read: () => Promise.reject(failure) } as unknown as Deno.Conn;
  const phases = new Phases(TIMES, timer);
  const transport = new Transport(conn, buffer, deadline, phases);
  await assertRejects(() => transport.read(), Deno.errors.ConnectionReset);
  buffer.finish();
  assertEquals(released.length, 1);
});

Deno.test("Transport.end() waits for the read that is pending", async () => {
  const { read, answer } = readsOnDemand();
  const { transport } = transportOver({ read });
  const reading = transport.read().catch(() => "closed");
  let hasEnded = false;
  const ending = transport.end().then(() => hasEnded = true);
  assertEquals(await reading, "closed");
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(hasEnded, false);
  await answer(null);
  await ending;
});

Deno.test("Transport.drain() that fails while nobody waits marks the client as gone", async () => {
  const error = new Deno.errors.ConnectionReset("reset");
  const { transport } = transportOver({ read: () => Promise.reject(error) });
  let reason: unknown;
  transport.onPeerGone({ abort: (given) => reason = given });
  transport.drain();
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(reason, error);
  await assertRejects(
    () => transport.waitFor(NEVER),
    Deno.errors.ConnectionReset,
  );
});

Deno.test("Transport.end() counts what a pending write has written", async () => {
  let finish = (_count: number) => {};
  const { transport } = transportOver({
    write: () => new Promise<number>((resolve) => finish = resolve),
  });
  const writing = transport.write(utf8("abc"));
  let bytesOut = 0;
  const ending = transport.end().then(() => bytesOut = transport.bytesOut);
  await new Promise((resolve) => setTimeout(resolve));
  finish(3);
  await ending;
  assertEquals(bytesOut, 3);
  await writing;
});

Deno.test("Transport.drain() takes an end of TCP for the client's leaving, if any end of file is", async () => {
  const error = new Deno.errors.UnexpectedEof("without close_notify");
  const { transport } = transportOver({ read: () => Promise.reject(error) });
  transport.drain();
  transport.isEndOfFileCancel = true;
  assertEquals(await transport.waitFor(NEVER).catch((gone) => gone), CANCELLED);
});

Deno.test.each([
  { isReported: true, writes: 1 },
  { isReported: false, writes: 0 },
])(
  "Transport.endAfterClient() looks for a reset if somebody is told: $isReported",
  async ({ isReported, writes }) => {
    const written: Uint8Array[] = [];
    const reset = new Deno.errors.BrokenPipe("reset");
    const { transport } = transportOver({
      write: (bytes) => {
        written.push(bytes);
        return Promise.reject(reset);
      },
    });
    const ending = Promise.resolve(transport.endAfterClient(isReported));
    if (isReported) await assertRejects(() => ending, Deno.errors.BrokenPipe);
    else await ending;
    assertEquals(transport.replyLost, isReported);
    assertEquals(written, Array(writes).fill(new Uint8Array(0)));
  },
);

Deno.test("Transport.endAfterClient() ends TLS explicitly, whoever is told", async () => {
  let ended = 0;
  const { transport } = transportOver(
    {
      handshake: () => Promise.resolve({ alpnProtocol: null }),
      closeWrite: () => Promise.resolve(void ended++),
    } as Partial<Deno.TlsConn>,
  );
  for (const isReported of [true, false]) {
    await transport.endAfterClient(isReported);
  }
  assertEquals(ended, 2);
});
