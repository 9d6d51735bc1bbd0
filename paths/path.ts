/**
 * What a path is: something that stands between a client and a server, in one
 * of its settings.
 *
 * @module
 */
import type { Checked } from "../check.ts";

/** Something between a client and a server. */
export interface Path {
  /** Its name in tests and on the command line. */
  readonly id: string;
  /** The program. */
  readonly program: string;
  /** How it is set: the name that its manual has for it, in Markdown. */
  readonly setting: string;
  /** What the setting does to a half-close, in Markdown. */
  readonly means: string;
  /** Where its manual writes of it, in Markdown. */
  readonly manual: string;
  /** What to do where it loses last words, in Markdown. */
  readonly remedy?: string;
  /** The conversations that end sometimes so, sometimes so. */
  readonly chance?: Chance;
  /** What has to be installed. */
  readonly needs: readonly Need[];
  /** Which version it is, where it is a program of others. */
  readonly version?: Version;
  /** Starts it before a server; resolves when it listens. */
  start(serverPort: number): Promise<OpenPath>;
}

/** The name of a conversation. */
export type Name = Checked["name"];

/** What comes out by chance: with a quick server, and with a slow one. */
export interface Chance {
  /** In these conversations. */
  readonly quick?: readonly Name[];
  /** In these conversations. */
  readonly slow?: readonly Name[];
}

/** A path that is open. Disposing of it ends what was started for it. */
export interface OpenPath extends AsyncDisposable {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
}

/** The path that listens there, and owns from now on what was started for it. */
export function openPath(
  port: number,
  resources: AsyncDisposableStack,
): OpenPath {
  const moved = resources.move();
  return { port, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/** A program, by its name, or another file, by its absolute path. */
export interface Need {
  /** The name or the path. */
  readonly file: string;
  /** The Debian package that it is in. */
  readonly debian: string;
}

/** How a program tells its version. */
export interface Version {
  /** What to call it. */
  readonly name: string;
  /** The program. */
  readonly program: Need;
  /** The flag that makes it tell. */
  readonly flag: string;
  /** What of it, as the first group. */
  readonly pattern: RegExp;
}

/** Where programs are; the last ones are in no ordinary user's PATH. */
function folders(): string[] {
  const path = Deno.env.get("PATH") ?? "";
  return [...path.split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"];
}

/** The absolute path of what is needed; undefined where it is not installed. */
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

/** The Debian packages that a path wants and this machine has not. */
export function missingPackages({ needs }: Path): string[] {
  const missing = needs.filter((need) => find(need) === undefined);
  return [...new Set(missing.map(({ debian }) => debian))];
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    // Not there, or nothing that we may look at: not installed for us.
    return false;
  }
}
