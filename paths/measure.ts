/**
 * Measures a path: runs the path check through it, to a quick server and to a
 * slow one.
 *
 * @module
 */
import {
  checkPath,
  type ConversationName,
  type Finding,
  type PathReport,
} from "../check/check.ts";
import type { Path } from "./path.ts";
import { fileOf, startScript } from "./running.ts";

/** The end marker of all messages. */
export const END = "END OF MESSAGE";

/** The time that the slow server takes for a small message. */
export const REPLY_DELAY_MS = 1_000;

/** The pause of the slow reader. */
export const PAUSE_MS = 1_000;

/** The longest time without a byte. */
export const TIMEOUT_MS = 3_000;

/** The server's limit: the largest message of a check, and not more. */
export const MAX_BYTES = 16 * 1024 ** 2;

/** The conversations of a check, in their order. */
export const CONVERSATIONS: readonly ConversationName[] = [
  "half-close after",
  "half-close before",
  "no end marker",
  "slow reader",
  "early refusal",
];

/** The servers at the other end of the paths. */
export const SPEEDS = ["quick", "slow"] as const;

/** The speed of a server. */
export type Speed = typeof SPEEDS[number];

/** A path to the quick server, and the same path to the slow one. */
export class PathPair implements AsyncDisposable {
  private constructor(
    private readonly ports: Readonly<Record<Speed, number>>,
    private readonly resources: AsyncDisposableStack,
  ) {}

  /** Starts the servers, and the path to each. */
  static async open(path: Path): Promise<PathPair> {
    await using resources = new AsyncDisposableStack();
    const open = async (delayMs: number): Promise<number> => {
      const server = resources.use(
        await startScript(
          Deno.execPath(),
          ...["run", "--quiet", "--allow-net=127.0.0.1"],
          ...[fileOf("server.ts"), END, `${MAX_BYTES}`, `${delayMs}`],
        ),
      );
      return resources.use(await path.start(server.port)).port;
    };
    const [quick, slow] = await settle([open(0), open(REPLY_DELAY_MS)]);
    return new PathPair({ quick, slow }, resources.move());
  }

  /** The port of 127.0.0.1 where the path to this server begins. */
  port(speed: Speed): number {
    return this.ports[speed];
  }

  /** Checks the path to this server. */
  async check(speed: Speed): Promise<PathReport> {
    return await checkPath({
      address: {
        hostname: "127.0.0.1",
        port: this.port(speed),
        tls: false,
        caCerts: [],
      },
      end: new TextEncoder().encode(END),
      timeout: TIMEOUT_MS,
      pause: PAUSE_MS,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }
}

/**
 * Waits until all promises are settled; resolves to their values, or rejects
 * with the first error. Nothing goes on after an error.
 */
export async function settle<T extends readonly unknown[] | []>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

/** A path, and the reports on it. */
export interface Measured {
  /** The path. */
  readonly path: Path;
  /** The report with the quick server. */
  readonly quick: PathReport;
  /** The report with the slow server. */
  readonly slow: PathReport;
}

/** Starts a path, and checks it with both servers. */
export async function measure(path: Path): Promise<Measured> {
  await using pair = await PathPair.open(path);
  const quick = await pair.check("quick");
  return { path, quick, slow: await pair.check("slow") };
}

/** The finding of a conversation, or that it differs from run to run. */
export type Found = Finding | "by chance";

/** The finding of a conversation; `unknown` if it was not run. */
export function found(
  { path, ...reports }: Measured,
  speed: Speed,
  name: ConversationName,
): Found {
  if (path.chance?.[speed]?.includes(name)) return "by chance";
  const { conversations } = reports[speed];
  const conversation = conversations.find((each) => each.name === name);
  return conversation?.finding ?? "unknown";
}

/** The finding for a server. A conversation by chance is not relied on. */
export function foundAll(measured: Measured, speed: Speed): Found {
  const all = CONVERSATIONS.map((name) => found(measured, speed, name));
  if (all.includes("lost")) return "lost";
  if (all.includes("by chance")) return "by chance";
  return measured[speed].finding;
}
