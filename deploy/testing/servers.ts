/**
 * The servers behind a proxy.
 *
 * @module
 */
import { type Message, serve, type Server } from "../../mod.ts";
import { freePort } from "../../paths/running.ts";
import { Program } from "../../testing.ts";
import { MARKER, MOST, pause, SLOW, SLOW_REPLY } from "./clients.ts";

/** Where a server is. */
export interface Place {
  /** What the proxy's file has in the place of the shipped address. */
  readonly address: string;
  /** The health port, where there is one. */
  readonly health: number;
  /** Starts a server there; resolves when it listens. */
  start(): Promise<Program>;
}

/** The two that the files have lines for. */
export type Places = readonly [Place, Place];

/** On a port of 127.0.0.1. */
export function portPlace(...args: string[]): Place & { port: number } {
  const [port, health] = [freePort(), freePort()];
  return {
    address: `127.0.0.1:${port}`,
    port,
    health,
    start: () =>
      startServer([`--port=${port}`, `--health-port=${health}`, ...args]),
  };
}

/** On a Unix socket that everybody may write to, as the unit's UMask has it. */
export function socketPlace(path: string): Place {
  return {
    address: path,
    health: NaN,
    start: () => startServer([`--unix=${path}`]),
  };
}

async function startServer(args: readonly string[]): Promise<Program> {
  const script = new URL("../../server.ts", import.meta.url).href;
  const server = new Program("sh", [
    "-c",
    'umask 0; exec "$@"',
    "sh",
    Deno.execPath(),
    "run",
    "--quiet",
    "-A",
    script,
    "--log=json",
    ...args,
  ]);
  await server.says(/^started on/);
  return server;
}

/** A server of this process, which is slow with one message. */
export class OwnServer implements AsyncDisposable {
  /** How many conversations it has held. */
  held = 0;
  readonly #server: Server;
  /** The kernel answers those who look. */
  readonly #health: Deno.Listener;

  /** Listens there. */
  constructor({ port, health }: { port: number; health: number }) {
    const onConversation = () => this.held++;
    const options = { port, end: MARKER, maxBytes: MOST, onConversation };
    this.#server = serve(options, slowOrTwice);
    this.#health = Deno.listen({ hostname: "127.0.0.1", port: health });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#health.close();
    await this.#server.shutdown();
  }
}

async function* slowOrTwice(message: Message): AsyncGenerator<Uint8Array> {
  const isSlow = message.byteLength === SLOW.length && message.text() === SLOW;
  if (!isSlow) return yield* [message.bytes(), message.bytes()];
  for (const piece of SLOW_REPLY) {
    await pause(1000);
    yield new TextEncoder().encode(piece);
  }
}
