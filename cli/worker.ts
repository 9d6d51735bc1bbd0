/**
 * One thread of a server with several threads: the Worker of `threads.ts`.
 *
 * @module
 */
import type { SocketServer } from "../server.ts";
import { type LimitsMemory, newLimits } from "../server/limits.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../framing/defaults.ts";
import { type Configuration, configure } from "./configuration.ts";
import { Log } from "./log.ts";
import { startServer } from "./observed_server.ts";
import { toStartError } from "./start_error.ts";
import type { ThreadCommand, ThreadEvent } from "./threads.ts";

/** The part of a Worker's global scope that is used here. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<ThreadCommand>) => void;
  postMessage(event: ThreadEvent): void;
};

const abort = new AbortController();
let server: SocketServer | undefined;

scope.onmessage = ({ data: command }) => {
  if (command.type === "serve") serve(command);
  if (command.type === "shutdown") server?.shutdown();
  if (command.type === "abort") abort.abort();
};

async function serve(
  { request, port, counters, taken, format, quiet, isFirst }: ThreadCommand & {
    type: "serve";
  },
): Promise<void> {
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
    if (isFirst) checkPortIsFree(configuration);
    server = start(configuration, log, counters, taken);
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
 * Starts a server whose limits all threads share.
 *
 * @throws {UsageError | ModuleError} If an option is refused.
 */
function start(
  configuration: Configuration,
  log: Log,
  counters: Float64Array,
  taken: LimitsMemory,
): SocketServer {
  const { signal } = abort;
  let limits;
  try {
    limits = newLimits(configuration.options, taken);
  } catch (error) {
    throw toStartError(error, configuration);
  }
  return startServer(configuration, { log, counters, signal }, { limits });
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
