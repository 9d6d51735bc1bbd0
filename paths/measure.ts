/**
 * What `--check` finds of a path, with a quick server and with a slow one
 * behind it.
 *
 * @module
 */
import { checkPath } from "../check.ts";
import type { Finding, PathReport } from "../check.ts";
import type { Name, Path } from "./path.ts";
import { fileOf, startScript } from "./running.ts";

/** The end marker of all that is sent here. */
export const END = "END OF MESSAGE";

/** The slow server thinks for so many ms about a small message. */
export const THINKING = 1_000;

/** The slow reader pauses for so many ms. */
export const PAUSE = 1_000;

/** Nothing is waited for longer, in ms, where not a byte comes. */
export const TIMEOUT = 3_000;

/** Small enough that uploads are refused soon; the check's largest message. */
export const MAX_BYTES = 16 * 1024 ** 2;

/** The conversations, in the order in which they are held. */
export const NAMES: readonly Name[] = [
  "half-close after",
  "half-close before",
  "no end marker",
  "slow reader",
  "early refusal",
];

/** The servers that stand behind the paths. */
export const SPEEDS = ["quick", "slow"] as const;

/** One of them. */
export type Speed = typeof SPEEDS[number];

/** A path before the quick server, and once more before the slow one. */
export class Paths implements AsyncDisposable {
  private constructor(
    private readonly ports: Readonly<Record<Speed, number>>,
    private readonly resources: AsyncDisposableStack,
  ) {}

  /** Starts the servers, and the path before each. */
  static async open(path: Path): Promise<Paths> {
    await using resources = new AsyncDisposableStack();
    const open = async (thinking: number): Promise<number> => {
      const server = resources.use(
        await startScript(
          Deno.execPath(),
          ...["run", "--quiet", "--allow-net=127.0.0.1"],
          ...[fileOf("server.ts"), END, `${MAX_BYTES}`, `${thinking}`],
        ),
      );
      return resources.use(await path.start(server.port)).port;
    };
    const [quick, slow] = await settle([open(0), open(THINKING)]);
    return new Paths({ quick, slow }, resources.move());
  }

  /** Where the path before this server begins, on 127.0.0.1. */
  port(speed: Speed): number {
    return this.ports[speed];
  }

  /** What the check says of it. */
  async check(speed: Speed): Promise<PathReport> {
    return await checkPath({
      where: {
        hostname: "127.0.0.1",
        port: this.port(speed),
        tls: false,
        caCerts: [],
      },
      end: new TextEncoder().encode(END),
      timeout: TIMEOUT,
      pause: PAUSE,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }
}

/**
 * The values of all, or the first error; but not before all have ended, so
 * that nothing goes on behind an error.
 */
export async function settle<T extends readonly unknown[] | []>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

/** What was found of a path. */
export interface Measured {
  readonly path: Path;
  readonly quick: PathReport;
  readonly slow: PathReport;
}

/** Starts a path and checks it. */
export async function measure(path: Path): Promise<Measured> {
  await using paths = await Paths.open(path);
  const quick = await paths.check("quick");
  return { path, quick, slow: await paths.check("slow") };
}

/** What is found of a conversation: one thing, or now this and now that. */
export type Found = Finding | "by chance";

/** What was found of a conversation; "unknown" if it was not held. */
export function found(
  { path, ...reports }: Measured,
  speed: Speed,
  name: Name,
): Found {
  if (path.chance?.[speed]?.includes(name)) return "by chance";
  const { conversations } = reports[speed];
  const checked = conversations.find((checked) => checked.name === name);
  return checked?.finding ?? "unknown";
}

/** What was found all in all. What is left to chance is not counted on. */
export function foundAll(measured: Measured, speed: Speed): Found {
  const all = NAMES.map((name) => found(measured, speed, name));
  if (all.includes("lost")) return "lost";
  if (all.includes("by chance")) return "by chance";
  return measured[speed].finding;
}
