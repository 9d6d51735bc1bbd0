/**
 * The clients of a proxy.
 *
 * @module
 */
import {
  connectTo,
  ordinaryClient,
  pause,
  readText,
  writeAll,
} from "../../tests/sockets.ts";

/** The end marker of all conversations. */
export const MARKER = "SERVER WRONG MARKER";

const MiB = 1024 * 1024;

/** The pause before each chunk of a slow reply, and of a slow reader. */
export const REPLY_PAUSE_MS = 1000;

/** The largest message of the server in these tests, in bytes. */
export const MAX_BYTES = 8 * MiB;

/** The message that gets a slow reply. */
export const SLOW = "slow";

/** The chunks of its reply, each after {@linkcode REPLY_PAUSE_MS}. */
export const SLOW_REPLY = ["slow and", " steady"];

/** Holds a conversation; resolves to the reply. */
type Conversation = (port: number) => Promise<string>;

/** Conversations by name: the expected reply, and how to hold them. */
export const CONVERSATIONS: Record<string, [string, Conversation]> = {
  "a small message": [
    "aa",
    (port) => ordinaryClient(port, `a${MARKER}`),
  ],
  "1 MiB": [
    "x".repeat(2 * MiB),
    (port) => ordinaryClient(port, "x".repeat(MiB) + MARKER),
  ],
  "no end marker": [
    "ERROR:no end!",
    (port) => ordinaryClient(port, "a"),
  ],
  "a half-close after the reply": ["aa", async (port) => {
    using conn = await connectTo(port);
    await writeAll(conn, `a${MARKER}`);
    return await readText(conn);
  }],
  "a refusal in the middle of an upload": ["ERROR:too large!", refusal],
  // The reply begins a second after the half-close, and goes on a second later.
  "a slow reply": [
    SLOW_REPLY.join(""),
    (port) => ordinaryClient(port, SLOW + MARKER),
  ],
  "a slow reader": ["x".repeat(2 * MAX_BYTES), async (port) => {
    using conn = await connectTo(port);
    await writeAll(conn, "x".repeat(MAX_BYTES) + MARKER);
    await conn.closeWrite();
    await pause(REPLY_PAUSE_MS);
    return await readText(conn);
  }],
};

/** Sends until the refusal has come. */
async function refusal(port: number): Promise<string> {
  using conn = await connectTo(port);
  const reading = readText(conn);
  let isRefused = false;
  const upload = async () => {
    const chunk = new Uint8Array(64 * 1024);
    while (!isRefused) await writeAll(conn, chunk);
    await conn.closeWrite();
  };
  await Promise.all([reading.finally(() => isRefused = true), upload()]);
  return await reading;
}

/** Concurrent clients, each of which holds one conversation after the other. */
export class Load implements AsyncDisposable {
  /** The number of conversations so far. */
  held = 0;
  /** A description of each conversation that was lost. */
  readonly lost: string[] = [];
  readonly #port: number;
  readonly #size: number;
  readonly #clients: Promise<unknown>;
  #isEnding = false;
  #progress = Promise.withResolvers<void>();

  /** Starts the clients, with messages of `size` bytes. */
  constructor(port: number, { clients = 16, size = 100 } = {}) {
    this.#port = port;
    this.#size = size;
    const each = Array.from(
      { length: clients },
      (_, index) => this.#client(`${index}`),
    );
    this.#clients = Promise.all(each);
  }

  /** Waits until the number of conversations is `count`. */
  async reaches(count: number): Promise<void> {
    while (this.held < count) await this.#progress.promise;
  }

  /** Ends the load: waits for the conversations that are open. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#clients;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #client(name: string): Promise<void> {
    for (let number = 0; !this.#isEnding; number++) {
      const data = `${name} ${number} `.padEnd(this.#size, "x");
      try {
        const reply = await ordinaryClient(this.#port, data + MARKER);
        if (reply !== data + data) {
          this.lost.push(`${reply.length} bytes: ${reply.slice(0, 40)}`);
        }
      } catch (error) {
        this.lost.push((error as Error).message);
      }
      this.held++;
      this.#progress.resolve();
      this.#progress = Promise.withResolvers<void>();
    }
  }
}
