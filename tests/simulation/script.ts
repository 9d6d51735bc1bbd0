/**
 * Scripts for both ends of one connection, which run on simulated sockets and
 * on real ones: what comes out must be the same.
 *
 * @module
 */
import { Network, type ServerHost } from "./network.ts";
import { PERFECT_LINE } from "./line.ts";
import { Random } from "../random.ts";
import { Process, VirtualTime } from "./virtual_time.ts";

/** One call on one end, or many: `fill` writes and `drain` reads. */
export interface Step {
  end: "client" | "server";
  call: "read" | "drain" | "write" | "fill" | "closeWrite" | "close";
  byteLength: number;
}

/** Calls of which one end may have one at a time. */
const DIRECTIONS: Partial<Record<Step["call"], string>> = {
  read: "read",
  drain: "read",
  write: "write",
  fill: "write",
  // Deno's half-close waits for a write that is pending.
  closeWrite: "write",
};

/** More than the buffers of both ends hold, also of loopback. */
const FILL_BYTES = 16 * 1024 * 1024;

/** Both ends of a connection. */
type Ends = Record<
  Step["end"],
  Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close">
>;

/** What has come out of each step so far; undefined while it is pending. */
type Outcomes = (string | undefined)[];

const HOST: ServerHost = {
  sendBufferBytes: 65_536,
  receiveBufferBytes: 65_536,
  resetPurges: false,
  backlog: 511,
  descriptors: Infinity,
  keepAliveMs: 7.2e6,
};

/** A script that this seed determines. */
export function randomScript(seed: number): Step[] {
  const random = new Random(seed);
  const calls = [
    ...["read", "read", "read", "write", "write", "write"],
    ...["closeWrite", "close", "empty write", "fill", "drain"],
  ];
  return Array.from({ length: random.int(3, 14) }, () => {
    const call = random.pick(calls);
    return {
      end: random.pick(["client", "server"]),
      call: call.replace("empty ", "") as Step["call"],
      byteLength: call === "empty write" ? 0 : random.int(1, 40),
    };
  });
}

/** Starts a step. Its outcome is noted when it is known. */
function start(ends: Ends, step: Step, note: (outcome: string) => void): void {
  const { end, call, byteLength } = step;
  const conn = ends[end];
  const fail = (error: Error) => note(error.name);
  const bytes = new Uint8Array(byteLength).fill(97 + byteLength % 26);
  if (call === "fill") {
    fill(conn).then(() => note("filled"), fail);
    return;
  }
  if (call === "drain") {
    drain(conn).then(() => note("drained"), fail);
    return;
  }
  if (call === "write") {
    conn.write(bytes).then((count) => note(`wrote ${count}`), fail);
  } else if (call === "closeWrite") {
    conn.closeWrite().then(() => note("half-closed"), fail);
  } else if (call === "read") {
    const read = (count: number | null) => {
      const text = new TextDecoder().decode(bytes.subarray(0, count ?? 0));
      note(count === null ? "end of file" : `read ${text}`);
    };
    conn.read(bytes).then(read, fail);
  } else {
    try {
      conn.close();
      note("closed");
    } catch (error) {
      fail(error as Error);
    }
  }
}

/** Writes more than both kernels hold. */
async function fill(conn: Pick<Deno.Conn, "write">): Promise<void> {
  const block = new Uint8Array(FILL_BYTES / 64).fill(42);
  for (let rest = FILL_BYTES; rest > 0;) {
    rest -= await conn.write(block.subarray(0, rest));
  }
}

/** Reads to the end of file. */
async function drain(conn: Pick<Deno.Conn, "read">): Promise<void> {
  const block = new Uint8Array(FILL_BYTES / 64);
  while (await conn.read(block) !== null);
}

/** Runs a script; but no two reads, or writes, of one end at the same time. */
async function run(
  ends: Ends,
  script: readonly Step[],
  settle: (outcomes: Outcomes) => Promise<void>,
): Promise<Outcomes> {
  const outcomes: Outcomes = [];
  const pending = new Map<string, number>();
  for (const step of script) {
    const index = outcomes.push(undefined) - 1;
    const direction = DIRECTIONS[step.call];
    if (direction !== undefined) {
      const other = pending.get(step.end + direction);
      if (other !== undefined && outcomes[other] === undefined) {
        outcomes[index] = `another ${direction} is pending`;
        continue;
      }
      pending.set(step.end + direction, index);
    }
    start(ends, step, (outcome) => outcomes[index] = outcome);
    await settle(outcomes);
  }
  return outcomes;
}

/** Runs a script on simulated sockets. Returns the outcomes after each step. */
export async function simulateScript(
  script: readonly Step[],
): Promise<Outcomes[]> {
  const time = new VirtualTime();
  const random = new Random(1);
  const network = new Network(time, random);
  const process = new Process(time, random);
  const listener = network.listen(process, HOST);
  const accepting = listener.accept();
  const connecting = network.connect(process, HOST, PERFECT_LINE);
  await time.run();
  const ends = { client: await connecting, server: await accepting };
  const history: Outcomes[] = [];
  const last = await run(ends, script, async (outcomes) => {
    await time.run();
    history.push([...outcomes]);
  });
  return [...history, last];
}

/** The longest time that the kernel takes for a step, in ms. */
const MAX_STEP_MS = 5000;

/**
 * Runs a script on real sockets of 127.0.0.1.
 *
 * @param expected The outcomes after each step: a step is over when all of them
 * are there, because nothing else tells when the kernel has done its part.
 */
export async function runScript(
  script: readonly Step[],
  expected: readonly Outcomes[],
): Promise<Outcomes> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const { port } = listener.addr;
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  const server = await accepting;
  // Otherwise a small write waits for an acknowledgement (RFC 896).
  for (const conn of [client, server]) conn.setNoDelay(true);
  const ends = { client, server };
  let steps = 0;
  try {
    const outcomes = await run(ends, script, async (outcomes) => {
      const due = expected[steps++]!;
      const deadline = performance.now() + MAX_STEP_MS;
      while (due.some((outcome, i) => outcome && !outcomes[i])) {
        if (performance.now() > deadline) return;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    });
    return [...outcomes];
  } finally {
    for (const conn of [client, server]) {
      try {
        conn.close();
      } catch {
        // The script has closed it.
      }
    }
    // Pending reads are rejected before the test ends.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
