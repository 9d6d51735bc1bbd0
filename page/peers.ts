/**
 * A client and servers that are written as many are, with their faults.
 *
 * @module
 */
import { MARKER } from "./scenes.js";
import { type NaiveServer, pause, type Stage } from "./stage.ts";
import type { TraceEvent } from "./trace.js";
import { bytes } from "./words.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Looks for the end marker in each chunk alone. */
export const naiveReader: NaiveServer = async (conn, note, complete) => {
  const buffer = new Uint8Array(1024);
  let message = "";
  let reply = "ERROR:no end!";
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) break;
    const chunk = decoder.decode(buffer.subarray(0, count));
    const end = chunk.indexOf(MARKER);
    if (end === -1) {
      note("finds no marker in this piece");
      message += chunk;
      continue;
    }
    message += chunk.slice(0, end);
    complete(message);
    reply = message + message;
    break;
  }
  await conn.write(encoder.encode(reply));
};

/** Replies after the end marker, and closes with unread bytes. */
export const hastyServer: NaiveServer = async (conn, _note, complete) => {
  const buffer = new Uint8Array(1024);
  let received = "";
  while (!received.includes(MARKER)) {
    const count = await conn.read(buffer);
    if (count === null) break;
    received += decoder.decode(buffer.subarray(0, count));
  }
  const [message = ""] = received.split(MARKER);
  complete(message);
  await conn.write(encoder.encode(message + message));
};

/** Sends each chunk when the server has read the one before. */
export async function sendChunks(
  stage: Stage,
  chunks: readonly string[],
): Promise<void> {
  const { recorder, signal } = stage;
  const conn = await stage.connect() as Deno.TcpConn;
  conn.setNoDelay();
  try {
    let sent = 0;
    for (const chunk of chunks) {
      sent += await conn.write(encoder.encode(chunk));
      await recorder.until((events) => hasRead(events, sent), signal);
    }
    await conn.closeWrite();
  } catch {
    signal.throwIfAborted();
    stage.note("stops sending: a write has failed");
  }
  await readReply(conn, stage);
}

/** Whether the server has read this many bytes, or has closed. */
function hasRead(events: readonly TraceEvent[], byteLength: number): boolean {
  const ours = events.filter(({ at }) => at === "server");
  const read = ours.filter(({ what }) => what === "receive")
    .reduce((sum, event) => sum + (event.byteLength ?? 0), 0);
  return read >= byteLength || ours.some(({ what }) => what === "close");
}

/** How a client uploads. */
export interface Upload {
  /** What precedes the bytes, and what follows them. */
  readonly before?: string;
  readonly after?: string;
  readonly byteLength: number;
}

/** The bytes of one write of an upload. */
const CHUNK_BYTES = 32 * 1024;

/** The pause between two writes of an upload, in ms. */
const CHUNK_MS = 4;

/**
 * Writes everything, half-closes, and only then reads. Gives up when a write
 * fails.
 */
export async function writeThenRead(
  stage: Stage,
  upload: Upload,
): Promise<void> {
  const conn = await stage.connect();
  try {
    for await (const chunk of uploadChunks(upload)) {
      let unsent = chunk;
      while (unsent.length > 0) {
        unsent = unsent.subarray(await conn.write(unsent));
      }
    }
    await conn.closeWrite();
  } catch {
    stage.note("gives up: a write has failed");
    return conn.close();
  }
  await readReply(conn, stage);
}

/** The bytes of an upload, a chunk every few ms. */
export async function* uploadChunks(
  { before = "", after = "", byteLength }: Upload,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let text = before;
  for (let left = byteLength; left > 0; left -= CHUNK_BYTES) {
    yield encoder.encode(text + "x".repeat(Math.min(left, CHUNK_BYTES)));
    text = "";
    await pause(CHUNK_MS);
  }
  if (after !== "") yield encoder.encode(after);
}

/**
 * Uploads with the project's client, which stops when the reply is there; and
 * notes what it has not sent.
 */
export async function sendUpload(
  stage: Stage,
  { byteLength, ...upload }: Upload,
): Promise<void> {
  const chunks = uploadChunks({ byteLength, ...upload });
  await stage.send(ReadableStream.from(chunks), { end: MARKER });
  const left = byteLength + MARKER.length -
    stage.recorder.bytesSentBy("client");
  if (left > 0) stage.note(`has not sent the other ${bytes(left)}`);
}

/** Reads to the end of file, and notes what the client reports. */
async function readReply(conn: Deno.Conn, stage: Stage): Promise<void> {
  const buffer = new Uint8Array(1024);
  let reply = "";
  try {
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) break;
      reply += decoder.decode(buffer.subarray(0, count));
    }
    stage.note(`reports the reply: “${reply}”`);
  } catch {
    stage.note("reports an error");
  }
  conn.close();
}
