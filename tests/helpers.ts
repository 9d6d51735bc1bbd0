/**
 * What the tests of sockets and processes share. No part of the library.
 *
 * @module
 */
import { concat } from "@std/bytes";
import {
  type AddressInfo,
  connect as connectSocket,
  createServer,
  type Socket,
} from "node:net";

/** A test ends within this many ms, unless it asks for more. */
const TIMEOUT = 20_000;

/** Programs that still run so many ms before a test's timeout are killed. */
const LAST_MOMENTS = 2_000;

/** A program that was asked to stop has so many ms before it is killed. */
const STOP_PATIENCE = 5_000;

/** What a test of this module may ask for. */
export interface TestOptions {
  /** In ms, below a minute. @default {20000} */
  timeout?: number;
}

/** The body of a test. */
export type TestBody = (t: Deno.TestContext) => void | Promise<void>;

/** A test over sockets of 127.0.0.1; ignored where they are not allowed. */
export function netTest(
  name: string,
  body: TestBody,
  options?: TestOptions,
): void {
  register(name, body, notAllowed([NET]), options);
}

/** A test that runs the scripts as processes; ignored where it may not. */
export function scriptTest(
  name: string,
  body: TestBody,
  options?: TestOptions,
): void {
  register(name, body, notAllowed([NET, RUN]), options);
}

/**
 * A test with programs that nobody here wrote. Where one is missing the test
 * is ignored, and its name says so; with `RECV_END_FOREIGN=required` in the
 * environment it fails.
 */
export function foreignTest(
  programs: readonly string[],
  name: string,
  body: TestBody,
  options?: TestOptions,
): void {
  const denied = notAllowed([NET, RUN]);
  if (denied !== undefined) return register(name, body, denied, options);
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return register(name, body, undefined, options);
  const reason = `${missing.join(", ")} is not installed`;
  if (!foreignRequired()) return register(name, body, reason, options);
  register(name, () => {
    throw new Error(`${reason}, and RECV_END_FOREIGN=required`);
  });
}

const NET = { name: "net", host: "127.0.0.1" } as const;
const RUN = { name: "run" } as const;

function isAllowed(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

function notAllowed(
  permissions: readonly Deno.PermissionDescriptor[],
): string | undefined {
  const denied = permissions.filter((permission) => !isAllowed(permission));
  if (denied.length === 0) return undefined;
  return `needs ${denied.map(({ name }) => `--allow-${name}`).join(" ")}`;
}

function foreignRequired(): boolean {
  const variable = "RECV_END_FOREIGN";
  return isAllowed({ name: "env", variable }) &&
    Deno.env.get(variable) === "required";
}

/** Programs of one name that are not all the same: what ours says of itself. */
const SAYS: Record<string, RegExp> = {
  // Of the many nc, OpenBSD's has the -N that half-closes.
  nc: /-N\s+shutdown/i,
};

const probed = new Map<string, boolean>();

function isInstalled(program: string): boolean {
  const known = probed.get(program);
  if (known !== undefined) return known;
  const installed = probe(program);
  probed.set(program, installed);
  return installed;
}

function probe(program: string): boolean {
  try {
    const { stdout, stderr } = new Deno.Command(program, {
      args: ["-h"],
      stdin: "null",
    }).outputSync();
    const help = decode(stdout) + decode(stderr);
    return SAYS[program]?.test(help) ?? true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function register(
  name: string,
  body: TestBody,
  ignoredBecause?: string,
  { timeout = TIMEOUT }: TestOptions = {},
): void {
  const ignore = ignoredBecause !== undefined;
  Deno.test({
    name: ignore ? `${name} [ignored: ${ignoredBecause}]` : name,
    ignore,
    timeout,
    async fn(t) {
      // The runner lets go of a test that takes too long, and of what it
      // started: so whatever still runs is ended a moment before.
      const lastMoments = setTimeout(() => {
        console.error(`Killed, for the test takes too long: ${names()}`);
        killAll();
      }, timeout - LAST_MOMENTS);
      try {
        await body(t);
      } finally {
        clearTimeout(lastMoments);
        await killAll();
      }
    },
  });
}

/** All that run now. Tests of one file run one after the other. */
const running = new Set<Program>();

function names(): string {
  return [...running].map(({ name }) => name).join(", ") || "nothing";
}

async function killAll(): Promise<void> {
  await Promise.all([...running].map((program) => program.stop("SIGKILL")));
}

/** What a program left behind. */
export interface Outcome {
  /** Its exit status. */
  readonly code: number;
  /** What it printed, as text. */
  readonly stdout: string;
  /** The very bytes. */
  readonly stdoutBytes: Uint8Array;
  /** What it printed on standard error. */
  readonly stderr: string;
}

/** What to give a program. */
export interface ProgramOptions {
  /** Its standard input, whole. @default {nothing} */
  stdin?: string | Uint8Array;
  /** More of the environment. */
  env?: Record<string, string>;
}

/** A running program, which ends with the test at the latest. */
export class Program implements AsyncDisposable {
  /** Its command line. */
  readonly name: string;
  /** Resolves when it has ended and all it printed is here. */
  readonly finished: Promise<Outcome>;
  readonly #process: Deno.ChildProcess;
  readonly #stdout: Output;
  readonly #stderr: Output;

  /** Starts it. */
  constructor(
    command: string,
    args: readonly string[],
    { stdin, env = {} }: ProgramOptions = {},
  ) {
    this.name = [command, ...args].join(" ");
    this.#process = new Deno.Command(command, {
      args: [...args],
      env: { NO_COLOR: "1", ...env },
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    running.add(this);
    this.#stdout = new Output(this.#process.stdout);
    this.#stderr = new Output(this.#process.stderr);
    this.finished = this.#finish(stdin);
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** What it printed on standard error so far. */
  get stderr(): string {
    return this.#stderr.text();
  }

  /** What it printed on standard output so far. */
  get stdout(): string {
    return this.#stdout.text();
  }

  /** Waits until it has printed this. Rejects if it ends before. */
  async says(
    pattern: RegExp,
    where: "stdout" | "stderr" = "stdout",
  ): Promise<RegExpMatchArray> {
    const output = where === "stdout" ? this.#stdout : this.#stderr;
    const match = await output.match(pattern);
    if (match !== null) return match;
    const { code, stdout, stderr } = await this.finished;
    throw new Error(
      `${this.name} never said ${pattern} on ${where}: ` +
        `it ended with ${code}\n${stdout}${stderr}`,
    );
  }

  /** Sends a signal; nothing happens if it has ended already. */
  kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      const hasEnded = error instanceof TypeError ||
        error instanceof Deno.errors.NotFound;
      if (!hasEnded) throw error;
    }
  }

  /** Ends it: by a signal, and where that does not help, by SIGKILL. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Outcome> {
    this.kill(signal);
    const patience = setTimeout(() => this.kill("SIGKILL"), STOP_PATIENCE);
    try {
      return await this.finished;
    } finally {
      clearTimeout(patience);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #finish(stdin: string | Uint8Array | undefined): Promise<Outcome> {
    const [{ code }] = await Promise.all([
      this.#process.status,
      this.#stdout.finished,
      this.#stderr.finished,
      stdin === undefined ? undefined : this.#feed(stdin),
    ]);
    running.delete(this);
    return {
      code,
      stdout: this.stdout,
      stdoutBytes: this.#stdout.bytes(),
      stderr: this.stderr,
    };
  }

  async #feed(stdin: string | Uint8Array): Promise<void> {
    const writer = this.#process.stdin.getWriter();
    try {
      await writer.write(encode(stdin));
      await writer.close();
    } catch {
      // It did not want to read all of it, and has its reasons.
    }
  }
}

/** What a program prints, as it comes. */
class Output {
  readonly finished: Promise<void>;
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #more = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.finished = this.#collect(stream);
  }

  bytes(): Uint8Array {
    return concat(this.#chunks);
  }

  text(): string {
    return decode(this.bytes());
  }

  async match(pattern: RegExp): Promise<RegExpMatchArray | null> {
    for (;;) {
      const match = this.text().match(pattern);
      if (match !== null || this.#ended) return match;
      await this.#more.promise;
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      this.#chunks.push(chunk);
      this.#tell();
    }
    this.#ended = true;
    this.#tell();
  }

  #tell(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers<void>();
  }
}

/** Runs a program to its end. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<Outcome> {
  await using program = new Program(command, args, options);
  return await program.finished;
}

/** A script of ours, run as its users run it. */
function script(
  name: "server.ts" | "client.ts" | "demo.ts",
  permissions: readonly string[],
  args: readonly string[],
  options?: ProgramOptions,
): Program {
  const url = new URL(name, import.meta.url).href;
  return new Program(
    Deno.execPath(),
    ["run", "--quiet", ...permissions, url, ...args],
    options,
  );
}

/** A running server script. */
export type ServerProgram = Program & {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
};

/** Starts server.ts on a free port; resolves when it listens. */
export async function startServer(
  args: readonly string[] = [],
  permissions: readonly string[] = ["--allow-net=127.0.0.1"],
): Promise<ServerProgram> {
  const program = script("server.ts", permissions, ["--port=0", ...args]);
  const [, port] = await program.says(/^started on (.+)\n/);
  return Object.assign(program, { port: Number(port) });
}

/** Runs client.ts to its end. */
export async function runClient(
  args: readonly string[],
  stdin?: string | Uint8Array,
): Promise<Outcome> {
  // Reading is for --file; reading and writing, for --unix.
  const permissions = ["--allow-net", "--allow-read", "--allow-write"];
  await using client = script("client.ts", permissions, args, { stdin });
  return await client.finished;
}

/** Runs demo.ts to its end. */
export async function runDemo(args: readonly string[] = []): Promise<Outcome> {
  await using demo = script("demo.ts", ["--allow-net=127.0.0.1"], args);
  return await demo.finished;
}

/** A port of 127.0.0.1 that nobody listens on just now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A connection to a server on 127.0.0.1. */
export function connectTo(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/**
 * A connection that sends this, waits until it is told to, and is reset. A
 * reset needs SO_LINGER, which Deno's own sockets do not offer; their close
 * sends a FIN before all else.
 */
export async function resettingClient(
  port: number,
  data: string,
  until: Promise<void> = Promise.resolve(),
): Promise<void> {
  const socket = connectSocket({ host: "127.0.0.1", port });
  // What becomes of it is nobody's concern but the server's.
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("connect", resolve));
  if (data !== "") {
    await new Promise((resolve) => socket.write(data, resolve));
  }
  await until;
  socket.resetAndDestroy();
  await closed;
}

/** A server that answers the first byte with these, and is reset when told. */
export async function resettingServer(
  data: string,
): Promise<AsyncDisposable & { port: number; reset(): void }> {
  const server = createServer({ allowHalfOpen: true });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.write(data));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const reset = () => sockets.forEach((socket) => socket.resetAndDestroy());
  return {
    port: (server.address() as AddressInfo).port,
    reset,
    [Symbol.asyncDispose]() {
      reset();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Writes all of it. */
export async function writeAll(
  conn: Deno.Conn,
  data: string | Uint8Array,
): Promise<void> {
  let unsent = encode(data);
  while (unsent.length > 0) {
    unsent = unsent.subarray(await conn.write(unsent));
  }
}

/** All that comes, to the end of file. Throws what `read()` throws. */
export async function readAll(conn: Deno.Conn): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const room = new Uint8Array(64 * 1024);
    const count = await conn.read(room);
    if (count === null) return concat(chunks);
    chunks.push(room.subarray(0, count));
  }
}

/** All that comes, as text. */
export async function readText(conn: Deno.Conn): Promise<string> {
  return decode(await readAll(conn));
}

/**
 * One conversation as most clients hold it: write all, half-close, and only
 * then read to the end of file. The first error is the end of it.
 */
export async function ordinaryClient(
  port: number,
  data: string | Uint8Array,
): Promise<string> {
  using conn = await connectTo(port);
  await writeAll(conn, data);
  await conn.closeWrite();
  return await readText(conn);
}

function encode(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
