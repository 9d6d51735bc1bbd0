/**
 * The server of one thread, with its log and its metrics.
 *
 * @module
 */
import { type ServerParts, SocketServer } from "../server.ts";
import { limitOf } from "../server/options.ts";
import type { AnyServeOptions } from "../server/serve_options.ts";
import type { Configuration } from "./configuration.ts";
import type { Log } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { StartError, toStartError } from "./start_error.ts";
import { Telemetry } from "./telemetry.ts";

/** The pause between two looks at the memory of messages, in ms. */
const LOOK_MS = 1000;

/** What watches a server, and ends it. */
export interface Observers {
  /** The log of conversations and errors. */
  readonly log: Log;
  /** The memory of the metrics, which no other server writes to. */
  readonly counters: Float64Array;
  /** Aborts the server, as the signal of its module does. */
  readonly signal: AbortSignal;
}

/**
 * Listens on an inherited socket, if there is one.
 *
 * @throws {StartError} If it is not a socket that listens.
 */
export async function inherited(
  fd: number | undefined,
): Promise<Pick<ServerParts, "listener">> {
  if (fd === undefined) return {};
  // Nobody else loads `node:net`.
  const { InheritedListener } = await import("../server/node_socket.ts");
  try {
    return { listener: await InheritedListener.open({ fd }) };
  } catch (error) {
    const { message } = error as Error;
    throw new StartError(`Cannot serve on the inherited socket: ${message}`);
  }
}

/**
 * Starts a server that logs and counts, and that calls the callbacks of its
 * module.
 *
 * @throws {UsageError | ModuleError} If an option is refused.
 * @throws {StartError} If the server cannot listen.
 */
export function startServer(
  configuration: Configuration,
  { log, counters, signal }: Observers,
  parts: ServerParts = {},
): SocketServer {
  const { options, handler } = configuration;
  const metrics = new Metrics(counters);
  const telemetry = Telemetry.ifOn();
  const observed: AnyServeOptions = {
    ...options,
    signal: options.signal === undefined
      ? signal
      : AbortSignal.any([signal, options.signal]),
    onConversation: (report) => {
      log.conversation(report);
      metrics.conversation(report);
      telemetry?.conversation(report);
      return options.onConversation?.(report);
    },
    onError: (error, message, info) => {
      log.error(error, info.remoteAddr);
      metrics.handlerError();
      telemetry?.handlerError();
      return options.onError?.(error, message, info);
    },
    onAcceptError: (error) => {
      log.error(error);
      return options.onAcceptError?.(error);
    },
  };
  try {
    const server = new SocketServer(observed, handler, {
      ...parts,
      around: (run) => {
        metrics.accepted();
        return telemetry?.around(run) ?? run();
      },
    });
    metrics.limits(
      limitOf(options, "maxConnections"),
      limitOf(options, "maxBufferedBytes"),
    );
    watchBuffers(server, metrics, telemetry);
    return server;
  } catch (error) {
    throw toStartError(error, configuration);
  }
}

/** Looks at the memory of messages now and then, until the server has ended. */
async function watchBuffers(
  server: SocketServer,
  metrics: Metrics,
  telemetry: Telemetry | undefined,
): Promise<void> {
  const look = () => {
    const { leasedBytes } = server;
    metrics.bufferBytes = leasedBytes;
    if (telemetry !== undefined) telemetry.bufferBytes = leasedBytes;
  };
  const timer = setInterval(look, LOOK_MS);
  await server.finished;
  clearInterval(timer);
  look();
}
