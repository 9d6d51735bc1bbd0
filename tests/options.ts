/**
 * Options of tests: what a test needs of the machine and of the command line.
 *
 * A test whose needs are not met is ignored, and its name says why. Each
 * function returns options for `Deno.test`, which is called in the test's own
 * file, so that a failure names the line of the test:
 *
 * ```ts ignore
 * Deno.test(needsNet("serve() answers"), async () => {});
 * ```
 *
 * @module
 */

/** The timeout of a test that does not ask for another, in ms. */
const TIMEOUT_MS = 20_000;

/** What a test may ask for besides its needs. */
export interface Limits {
  /** The timeout of the test in ms, below a minute. @default {20000} */
  timeout?: number;
}

/** Options of `Deno.test`, without the function. */
export type TestOptions = Omit<Deno.TestDefinition, "fn">;

const NET = { name: "net", host: "127.0.0.1" } as const;
const READ = { name: "read" } as const;
const WRITE = { name: "write" } as const;
const RUN = { name: "run" } as const;
const ENV = { name: "env" } as const;
const SYS = { name: "sys" } as const;
const FFI = { name: "ffi" } as const;

/** The browser of the tests. */
export const BROWSER = "chromium";

/** A test over sockets of 127.0.0.1. */
export function needsNet(name: string, limits?: Limits): TestOptions {
  return needs([NET], name, limits);
}

/** A test that reads files of the project. */
export function needsRead(name: string, limits?: Limits): TestOptions {
  return needs([READ], name, limits);
}

/** A test that runs programs: the scripts, as their users run them. */
export function needsRun(name: string, limits?: Limits): TestOptions {
  return needs([NET, READ, WRITE, RUN], name, limits);
}

/** A test that runs programs, and needs Linux: its /proc or its C library. */
export function needsLinux(name: string, limits?: Limits): TestOptions {
  const options = needsRun(name, limits);
  return options.ignore || Deno.build.os === "linux"
    ? options
    : ignored(options, "needs Linux");
}

/**
 * A test with programs of others, by the names of their files.
 *
 * @throws {Error} If one is not installed, and the environment has
 * `RECV_END_FOREIGN=required`.
 */
export function needsPrograms(
  programs: readonly string[],
  name: string,
  limits?: Limits,
): TestOptions {
  const options = needsRun(name, limits);
  if (options.ignore) return options;
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return options;
  const reason = `needs ${missing.join(", ")}`;
  if (isForeignRequired()) {
    throw new Error(`"${name}" ${reason}, and RECV_END_FOREIGN=required`);
  }
  return ignored(options, reason);
}

/**
 * A test in a browser: Chromium, as Debian has it.
 *
 * @throws {Error} As {@linkcode needsPrograms} does.
 */
export function needsBrowser(name: string, limits?: Limits): TestOptions {
  const options = needsPrograms([BROWSER], name, limits);
  // What drives it reads in /proc, which Deno allows to `-A` alone.
  return options.ignore || deniedOf([ENV, SYS, FFI]).length === 0
    ? options
    : ignored(options, "needs -A");
}

/** Whether tests may be ignored in this run because a permission is missing. */
export function isRestricted(): boolean {
  return deniedOf([NET, READ, WRITE, RUN, ENV, SYS, FFI]).length > 0;
}

function needs(
  permissions: readonly Deno.PermissionDescriptor[],
  name: string,
  { timeout = TIMEOUT_MS }: Limits = {},
): TestOptions {
  const options = { name, timeout };
  const denied = deniedOf(permissions);
  if (denied.length === 0) return options;
  const flags = denied.map(({ name }) => `--allow-${name}`);
  return ignored(options, `needs ${flags.join(" ")}`);
}

function ignored(options: TestOptions, reason: string): TestOptions {
  const name = `${options.name} [ignored: ${reason}]`;
  return { ...options, name, ignore: true };
}

function deniedOf(
  permissions: readonly Deno.PermissionDescriptor[],
): Deno.PermissionDescriptor[] {
  return permissions.filter((permission) => !isGranted(permission));
}

function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

function isForeignRequired(): boolean {
  const variable = "RECV_END_FOREIGN";
  return isGranted({ name: "env", variable }) &&
    Deno.env.get(variable) === "required";
}

/** What the `-h` of the right program prints, where several share a name. */
const HELP: Record<string, RegExp> = {
  // Of the many nc, OpenBSD's has the -N that half-closes.
  nc: /-N\s+shutdown/i,
};

const installed = new Map<string, boolean>();

function isInstalled(program: string): boolean {
  const known = installed.get(program);
  if (known !== undefined) return known;
  const found = probe(program);
  installed.set(program, found);
  return found;
}

function probe(program: string): boolean {
  // Not by running it: some programs take `-h` for something else, and wait.
  const search = ["-c", 'command -v "$0"', program];
  const isThere = outputOf("sh", search) !== "";
  const help = HELP[program];
  if (!isThere || help === undefined) return isThere;
  return help.test(outputOf(program, ["-h"]));
}

/** What a program prints; nothing if it is not installed. */
function outputOf(program: string, args: string[]): string {
  try {
    const { stdout, stderr } = new Deno.Command(program, {
      args,
      stdin: "null",
    }).outputSync();
    const decoder = new TextDecoder();
    return decoder.decode(stdout) + decoder.decode(stderr);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
