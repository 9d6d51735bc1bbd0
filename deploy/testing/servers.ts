/**
 * The servers of a proxy.
 *
 * @module
 */
import { type Message, serve, type Server } from "../../mod.ts";
import { freePort } from "../../paths/running.ts";
import { Program } from "../../tests/programs.ts";
import { pause } from "../../tests/sockets.ts";
import {
  MARKER,
  MAX_BYTES,
  REPLY_PAUSE_MS,
  SLOW,
  SLOW_REPLY,
} from "./clients.ts";

/** A place for a server. */
export interface Place {
  /** The address that replaces the shipped one in the proxy's file. */
  readonly address: string;
  /** The health port; NaN where there is none. */
  readonly health: number;
  /** Starts a server there; resolves when it listens. */
  start(): Promise<Program>;
}

/** The places of the two servers in the files. */
export type Places = readonly [Place, Place];

/** A place on a port of 127.0.0.1. */
export function portPlace(...args: string[]): Place & { port: number } {
  const [port, health] = [freePort(), freePort()];
  return {
    address: `127.0.0.1:${port}`,
    port,
    health,
    start: () =>
      startServer([
        `--port=${port}`,
        `--health-port=${health}`,
        "--proxy-from=127.0.0.1",
        ...args,
      ]),
  };
}

/** A place on a Unix socket, which every user may write to. */
export function socketPlace(path: string): Place {
  return {
    address: path,
    health: NaN,
    start: () => startServer([`--unix=${path}`, "--proxy-from=unix"]),
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

/** A server in this process, which is slow with one message. */
export class OwnServer implements AsyncDisposable {
  /** The number of conversations that have ended. */
  held = 0;
  readonly #server: Server;
  /** The kernel accepts health checks. */
  readonly #health: Deno.Listener;

  /** Listens on these ports. */
  constructor({ port, health }: { port: number; health: number }) {
    const onConversation = () => this.held++;
    const options = {
      port,
      end: MARKER,
      maxBytes: MAX_BYTES,
      proxyFrom: ["127.0.0.1"],
      onConversation,
    };
    this.#server = serve(options, slowOrEcho);
    this.#health = Deno.listen({ hostname: "127.0.0.1", port: health });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#health.close();
    await this.#server.shutdown();
  }
}

async function* slowOrEcho(message: Message): AsyncGenerator<Uint8Array> {
  const isSlow = message.byteLength === SLOW.length && message.text() === SLOW;
  if (!isSlow) return yield* [message.bytes(), message.bytes()];
  for (const chunk of SLOW_REPLY) {
    await pause(REPLY_PAUSE_MS);
    yield new TextEncoder().encode(chunk);
  }
}
