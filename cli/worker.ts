/**
 * One thread of a server with several threads: the Worker of `threads.ts`.
 *
 * @module
 */
import type { SocketServer } from "../server.ts";
import {
  type LimitsMemory,
  newLimits,
  type SharedLimits,
} from "../server/limits.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../framing/defaults.ts";
import { type Configuration, configure } from "./configuration.ts";
import { Log } from "./log.ts";
import { inherited, startServer } from "./observed_server.ts";
import { type ReplaceTls, replaceTlsOf } from "./tls_files.ts";
import { toStartError } from "./start_error.ts";
import type { ThreadCommand, ThreadEvent } from "./threads.ts";

/** The part of a Worker's global scope that is used here. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<ThreadCommand>) => void;
  postMessage(event: ThreadEvent): void;
};

const abort = new AbortController();
let server: SocketServer | undefined;
let replaceTls: ReplaceTls = () => {};

scope.onmessage = ({ data: command }) => {
  if (command.type === "serve") serve(command);
  if (command.type === "replaceTls") replaceTls(command.tls);
  if (command.type === "shutdown") server?.shutdown();
  if (command.type === "abort") abort.abort();
};

async function serve(
  command: ThreadCommand & { type: "serve" },
): Promise<void> {
  const { request, port, fd, counters, taken, format, quiet } = command;
  const decoder = new TextDecoder();
  const log = new Log(
    format,
    quiet ? null : {
      write(bytes) {
        scope.postMessage({ type: "lines", text: decoder.decode(bytes) });
        return Promise.resolve(bytes.length);
      },
    },
  );
  try {
    const { options, ...others } = await configure(request);
    const configuration = {
      ...others,
      options: { ...options, port: port ?? options.port, reusePort: true },
    };
    replaceTls = replaceTlsOf(configuration);
    if (command.isFirst && fd === undefined) checkPortIsFree(configuration);
    const parts = {
      limits: sharedLimits(configuration, taken),
      ...await inherited(fd),
    };
    const { signal } = abort;
    server = startServer(configuration, { log, counters, signal }, parts);
  } catch (error) {
    const { name, message } = error as Error;
    return scope.postMessage({ type: "failed", error: { name, message } });
  }
  scope.postMessage({ type: "listening", addr: server.addr });
  await server.finished;
  await log.close();
  scope.postMessage({ type: "finished", tally: log.tally });
}

/**
 * The limits, which all threads share.
 *
 * @throws {UsageError | ModuleError} If a limit is refused.
 */
function sharedLimits(
  configuration: Configuration,
  taken: LimitsMemory,
): SharedLimits {
  try {
    return newLimits(configuration.options, taken);
  } catch (error) {
    throw toStartError(error, configuration);
  }
}

/**
 * Checks that no other server listens on the port: one that shares its port,
 * too, would get a part of the connections, and neither would notice.
 *
 * @throws {StartError} If there is such a server.
 */
function checkPortIsFree(configuration: Configuration): void {
  const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT } =
    configuration.options;
  if (port === 0) return;
  try {
    Deno.listen({ hostname, port }).close();
  } catch (error) {
    throw toStartError(error, configuration);
  }
}
