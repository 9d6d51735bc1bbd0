/**
 * Paths: programs between a client and a server, in one of their settings.
 *
 * @module
 */
import type { ConversationName } from "../check/check.ts";

/** A program between a client and a server, in one of its settings. */
export interface Path {
  /** The name of the path in tests. */
  readonly id: string;
  /** The program. */
  readonly program: string;
  /** The setting, as its manual names it, in Markdown. */
  readonly setting: string;
  /** What the setting does to a half-close, in Markdown. */
  readonly means: string;
  /** The place in the manual, in Markdown. */
  readonly manual: string;
  /** What to do where the path loses replies, in Markdown. */
  readonly remedy?: string;
  /** The conversations whose finding differs from run to run. */
  readonly chance?: Chance;
  /** The files that have to be installed. */
  readonly needs: readonly Need[];
  /** How to find out the version of a program of others. */
  readonly version?: Version;
  /** Starts the path to a server; resolves when it listens. */
  start(serverPort: number): Promise<OpenPath>;
}

/** The conversations whose finding differs from run to run. */
export interface Chance {
  /** With the quick server. */
  readonly quick?: readonly ConversationName[];
  /** With the slow server. */
  readonly slow?: readonly ConversationName[];
}

/** A running path. Disposing of it ends all that was started for it. */
export interface OpenPath extends AsyncDisposable {
  /** The port of 127.0.0.1 where the path begins. */
  readonly port: number;
}

/** A path that begins at this port and takes over these resources. */
export function openPath(
  port: number,
  resources: AsyncDisposableStack,
): OpenPath {
  const moved = resources.move();
  return { port, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/** A file that has to be installed. */
export interface Need {
  /** The name of a program, or the absolute path of another file. */
  readonly file: string;
  /** The Debian package that has the file. */
  readonly debian: string;
}

/** How to find out the version of a program. */
export interface Version {
  /** The name that the page uses. */
  readonly name: string;
  /** The program. */
  readonly program: Need;
  /** The flag that prints the version. */
  readonly flag: string;
  /** The version in the output, as the first group. */
  readonly pattern: RegExp;
}

/** The folders of programs; the last ones are only in root's PATH. */
function folders(): string[] {
  const path = Deno.env.get("PATH") ?? "";
  return [...path.split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"];
}

/** The absolute path of a file; undefined if it is not installed. */
export function find({ file }: Need): string | undefined {
  if (file.startsWith("/")) return isFile(file) ? file : undefined;
  const found = folders().find((folder) => isFile(`${folder}/${file}`));
  return found === undefined ? undefined : `${found}/${file}`;
}

/**
 * The absolute path of a program.
 *
 * @throws {Deno.errors.NotFound} If it is not installed.
 */
export function programFile(need: Need): string {
  const found = find(need);
  if (found !== undefined) return found;
  throw new Deno.errors.NotFound(`${need.file} is not installed`);
}

/** The Debian packages that a path needs and this machine lacks. */
export function missingPackages({ needs }: Path): string[] {
  const missing = needs.filter((need) => find(need) === undefined);
  return [...new Set(missing.map(({ debian }) => debian))];
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    // Missing or not accessible: not installed for this process.
    return false;
  }
}
