/**
 * What a half-close buys, shown over real sockets: `deno task demo`.
 *
 * @module
 */
import { main as client } from "./client.ts";
import {
  CLIENT_MARKER,
  type ConversationReport,
  sendData,
  serve,
  SERVER_MARKER,
} from "./mod.ts";
import { NARROW, Timeline } from "./timeline.ts";

const FIVE = ["a1234", "b1234", "c1234", "d1234", "e1234"];

/** A message whose marker is not the server's. For the server it never ends. */
const BROKEN = new TextEncoder().encode(`a1234${CLIENT_MARKER}`);

async function main(): Promise<void> {
  const reports = new Reports();
  await using server = serve({
    port: 0,
    onConversation: (report) => reports.add(report),
  });
  const { port } = server.addr;

  say(`
A message over TCP has an end only if it says so: here, by an end marker. The
server answers a whole message with the same message twice.

1. THE MARKERS DIFFER
   The server waits for "${SERVER_MARKER}", the client sends
   "${CLIENT_MARKER}". So the end never comes. Five messages:

`);
  const each = FIVE.flatMap((data) => ["--data", data]);
  const at = ["--port", String(port)];
  await client([...at, ...each]);

  say(`
   With "shutdown" the client said: I am done sending, and still listening. That
   is a half-close, and it is why the server could tell it what went wrong: the
   last line of each is the server's last word.

2. THE MARKERS ARE THE SAME
   Both sides use "${SERVER_MARKER}". The same five messages:

`);
  await client([...at, "--marker", SERVER_MARKER, ...each]);

  reports.clear();
  say(`
3. HANGING UP, AND DONE SENDING
   The broken message again, from two clients. One closes the connection when
   it has sent all, the other half-closes it.

`);
  const closed = await sendAndClose(port);
  const closedReport = await reports.next();
  const halfClosed = await sendAndHalfClose(port);
  const halfClosedReport = await reports.next();
  say(sideBySide([
    ["conn.close()", "conn.closeWrite()"],
    ["", ""],
    ...zip(closed.lines, halfClosed.lines),
    ["", ""],
    ["the server said", "the server said"],
    [said(closedReport), said(halfClosedReport)],
    ["the client heard", "the client heard"],
    [closed.heard, halfClosed.heard],
  ]));
  say(`
   The server came to the same verdict on both. Only the client that was still
   listening heard it.
`);

  say(`
4. SPLIT INTO PIECES
   TCP may split a message anywhere. Data and marker, two bytes at a time:
`);
  const marked = `a1234${SERVER_MARKER}`;
  const pieces = marked.match(/..?/gs) ?? [];
  say("   " + pieces.map((piece) => `[${piece}]`).join("") + "\n");
  say(`   the client heard         ${await sendInPieces(port, pieces)}\n`);
  say(`
   No piece held the whole marker, and the server found it.

Whoever is still there gets the last word. Try it yourself, in two terminals:
   deno run -A server.ts
   deno run -A client.ts --data a1234
Without Deno, write "npx -y deno@2.9.6" for "deno".
`);
}

/** What the server reports of its conversations, in their order. */
class Reports {
  #come: ConversationReport[] = [];
  #wake = () => {};

  add(report: ConversationReport): void {
    this.#come.push(report);
    this.#wake();
  }

  clear(): void {
    this.#come = [];
  }

  async next(): Promise<ConversationReport> {
    while (this.#come.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#come.shift()!;
  }
}

/** What a client did, and what it heard. */
interface Told {
  readonly lines: string[];
  readonly heard: string;
}

/** Writes, and closes. */
async function sendAndClose(port: number): Promise<Told> {
  const { timeline, lines } = draw();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  timeline.event({ type: "connected" });
  const byteLength = await conn.write(BROKEN);
  timeline.event({ type: "wrote", byteLength });
  conn.close();
  timeline.event({ type: "closed" });
  timeline.end();
  try {
    return { lines: lines(), heard: await readAll(conn) };
  } catch (error) {
    // There is no connection any more that could be read from.
    if (!(error instanceof Deno.errors.BadResource)) throw error;
    return { lines: lines(), heard: "nothing" };
  }
}

/** Writes, half-closes, reads, and closes. */
async function sendAndHalfClose(port: number): Promise<Told> {
  const { timeline, lines } = draw();
  const reply = await sendData("a1234", {
    port,
    onEvent: (event) => timeline.event(event),
  });
  timeline.end();
  return { lines: lines(), heard: reply.text() };
}

/** A time line, and its lines. */
function draw(): { timeline: Timeline; lines: () => string[] } {
  let drawn = "";
  const timeline = new Timeline({
    write: (text) => drawn += text,
    layout: NARROW,
  });
  timeline.begin("the server");
  return { timeline, lines: () => drawn.trimEnd().split("\n") };
}

async function sendInPieces(port: number, pieces: string[]): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay();
  for (const piece of pieces) {
    await conn.write(new TextEncoder().encode(piece));
    // Long enough for the server to read this piece alone.
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

function said({ outcome, lastWordLost }: ConversationReport): string {
  return `ERROR:${outcome}!${lastWordLost ? ", and nobody was there" : ""}`;
}

/** The lines of both, the shorter filled up. */
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

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) await main();
