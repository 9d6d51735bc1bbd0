/**
 * The clients before a proxy.
 *
 * @module
 */
import {
  connectTo,
  ordinaryClient,
  readText,
  writeAll,
} from "../../testing.ts";

/** The end marker of all conversations here. */
export const MARKER = "SERVER WRONG MARKER";

const MiB = 1024 * 1024;

/** The most bytes of a message. */
export const MOST = 8 * MiB;

/** The message that is answered slowly. */
export const SLOW = "slow";

/** The pieces of its answer, each after a pause. */
export const SLOW_REPLY = ["slow and", " steady"];

/** A conversation; resolves to what was heard. */
type Conversation = (port: number) => Promise<string>;

/** What is to be heard, and how. */
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
  // The half-close is a second old when the reply begins, and another when
  // it goes on.
  "a slow reply": [
    SLOW_REPLY.join(""),
    (port) => ordinaryClient(port, SLOW + MARKER),
  ],
  "a slow reader": ["x".repeat(2 * MOST), async (port) => {
    using conn = await connectTo(port);
    await writeAll(conn, "x".repeat(MOST) + MARKER);
    await conn.closeWrite();
    await pause(1000);
    return await readText(conn);
  }],
};

/** Sends until the refusal has come. */
async function refusal(port: number): Promise<string> {
  using conn = await connectTo(port);
  const word = readText(conn);
  let heard = false;
  const upload = async () => {
    const piece = new Uint8Array(64 * 1024);
    while (!heard) await writeAll(conn, piece);
    await conn.closeWrite();
  };
  await Promise.all([word.finally(() => heard = true), upload()]);
  return await word;
}

/** So many ms, for what is slow on purpose. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Clients, of whom each holds one conversation after the other. */
export class Load implements AsyncDisposable {
  /** How many conversations there were. */
  held = 0;
  /** What went wrong in those that were lost. */
  readonly lost: string[] = [];
  readonly #port: number;
  readonly #size: number;
  readonly #all: Promise<unknown>;
  #ends = false;
  #more = Promise.withResolvers<void>();

  /** They begin, with messages of this many bytes. */
  constructor(port: number, { clients = 16, size = 100 } = {}) {
    this.#port = port;
    this.#size = size;
    const each = Array.from(
      { length: clients },
      (_, index) => this.#client(`${index}`),
    );
    this.#all = Promise.all(each);
  }

  /** Waits until there were this many conversations. */
  async reaches(count: number): Promise<void> {
    while (this.held < count) await this.#more.promise;
  }

  /** Waits until all conversations have ended. */
  async end(): Promise<void> {
    this.#ends = true;
    await this.#all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #client(name: string): Promise<void> {
    for (let number = 0; !this.#ends; number++) {
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
      this.#more.resolve();
      this.#more = Promise.withResolvers<void>();
    }
  }
}
