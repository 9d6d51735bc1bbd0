/**
 * A demonstration, over real sockets, of what a half-close buys, as text:
 * `deno task demo`. With `--page`, as a page for a browser: `deno task page`.
 *
 * @module
 */
import { main as client } from "./cli/client_script.ts";
import { NARROW, Timeline } from "./cli/timeline.ts";
import {
  CLIENT_MARKER,
  type ConversationReport,
  sendData,
  serve,
  SERVER_MARKER,
} from "./mod.ts";

const FIVE = ["a1234", "b1234", "c1234", "d1234", "e1234"];

/** A message with the client's marker: for the server it never ends. */
const BROKEN = new TextEncoder().encode(`a1234${CLIENT_MARKER}`);

async function main(): Promise<void> {
  const reports = new Reports();
  await using server = serve({
    port: 0,
    onConversation: (report) => reports.add(report),
  });
  const { port } = server.addr;

  print(`
A message over TCP has an end only if it says so: here, by an end marker. The
server answers a complete message with the same message twice.

1. THE MARKERS DIFFER
   The server waits for "${SERVER_MARKER}", the client sends
   "${CLIENT_MARKER}". So the end never comes. Five messages:

`);
  const each = FIVE.flatMap((data) => ["--data", data]);
  const at = ["--port", String(port)];
  await client([...at, ...each]);

  print(`
   With "shutdown" the client says: I am done sending, and still listening. That
   is a half-close, and it is why the server could tell it what went wrong: the
   last line of each is the server's last word.

2. THE MARKERS ARE THE SAME
   Both sides use "${SERVER_MARKER}". The same five messages:

`);
  await client([...at, "--marker", SERVER_MARKER, ...each]);

  reports.clear();
  print(`
3. HANGING UP, AND DONE SENDING
   The broken message again, from two clients. After sending it, one closes the
   connection, and the other half-closes it.

`);
  const closed = await sendAndClose(port);
  const closedReport = await reports.next();
  const halfClosed = await sendAndHalfClose(port);
  const halfClosedReport = await reports.next();
  print(sideBySide([
    ["conn.close()", "conn.closeWrite()"],
    ["", ""],
    ...zip(closed.lines, halfClosed.lines),
    ["", ""],
    ["the server replied", "the server replied"],
    [replyOf(closedReport), replyOf(halfClosedReport)],
    ["the client received", "the client received"],
    [closed.received, halfClosed.received],
  ]));
  print(`
   The server gave both the same reply. Only the client that was still listening
   received it.
`);

  print(`
4. SPLIT INTO CHUNKS
   TCP may split a message anywhere. Data and marker, two bytes at a time:
`);
  const marked = `a1234${SERVER_MARKER}`;
  const chunks = marked.match(/..?/gs) ?? [];
  print("   " + chunks.map((chunk) => `[${chunk}]`).join("") + "\n");
  print(`   the client received      ${await sendInChunks(port, chunks)}\n`);
  print(`
   No chunk held the complete marker, and the server found it.

Whoever is still there gets the last word. Try it yourself, in two terminals:
   deno run -A server.ts
   deno run -A client.ts --data a1234
Without Deno, write "npx -y deno@2.9.6" for "deno".
`);
}

/** The server's reports on its conversations, in their order. */
class Reports {
  #waiting: ConversationReport[] = [];
  #wake = () => {};

  add(report: ConversationReport): void {
    this.#waiting.push(report);
    this.#wake();
  }

  clear(): void {
    this.#waiting = [];
  }

  async next(): Promise<ConversationReport> {
    while (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#waiting.shift()!;
  }
}

/** What a client did, as lines, and what it received. */
interface Conversation {
  readonly lines: string[];
  readonly received: string;
}

/** Sends the message and closes. */
async function sendAndClose(port: number): Promise<Conversation> {
  const { timeline, lines } = draw();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  timeline.event({ type: "connected" });
  const byteLength = await conn.write(BROKEN);
  timeline.event({ type: "wrote", byteLength });
  conn.close();
  timeline.event({ type: "closed" });
  timeline.end();
  try {
    return { lines: lines(), received: await readAll(conn) };
  } catch (error) {
    // A closed connection cannot be read from.
    if (!(error instanceof Deno.errors.BadResource)) throw error;
    return { lines: lines(), received: "nothing" };
  }
}

/** Sends the message, half-closes, reads the reply, and closes. */
async function sendAndHalfClose(port: number): Promise<Conversation> {
  const { timeline, lines } = draw();
  const reply = await sendData("a1234", {
    port,
    onEvent: (event) => timeline.event(event),
  });
  timeline.end();
  return { lines: lines(), received: reply.text() };
}

/** A time line, and a function that returns its lines. */
function draw(): { timeline: Timeline; lines: () => string[] } {
  let drawn = "";
  const timeline = new Timeline({
    write: (text) => drawn += text,
    layout: NARROW,
  });
  timeline.begin("the server");
  return { timeline, lines: () => drawn.trimEnd().split("\n") };
}

async function sendInChunks(port: number, chunks: string[]): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay();
  for (const chunk of chunks) {
    await conn.write(new TextEncoder().encode(chunk));
    // Long enough for the server to read this chunk alone.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await conn.closeWrite();
  return await readAll(conn);
}

async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1024);
  let text = "";
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

function replyOf({ outcome, replyLost }: ConversationReport): string {
  return `ERROR:${outcome}!${replyLost ? ", the client was gone" : ""}`;
}

/** Pairs of lines; the shorter list is filled up with empty lines. */
function zip(left: string[], right: string[]): [string, string][] {
  const count = Math.max(left.length, right.length);
  return Array.from(
    { length: count },
    (_, index) => [left[index] ?? "", right[index] ?? ""],
  );
}

function sideBySide(rows: [string, string][]): string {
  return rows.map(([left, right]) => `   ${left.padEnd(38)} ${right}`.trimEnd())
    .join("\n") + "\n";
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) {
  if (Deno.args.length === 0) {
    await main();
  } else {
    const { run } = await import("./cli/demo_script.ts");
    await run();
  }
}
