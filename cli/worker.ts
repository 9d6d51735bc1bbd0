/**
 * One thread of a server with several threads: the Worker of `threads.ts`.
 *
 * @module
 */
import { SocketServer } from "../server.ts";
import { echoTwice } from "../server/handler.ts";
import { newLimits } from "../server/limits.ts";
import { SharedCounter } from "../server/shared_counter.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../framing/defaults.ts";
import type { AnyServeOptions } from "../server/serve_options.ts";
import { Log } from "./log.ts";
import { isOfAnOption } from "./option_error.ts";
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
  { options, counters, format, quiet, isFirst }: ThreadCommand & {
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
    if (isFirst) checkPortIsFree(options);
    const { connections, slabs } = newLimits(options);
    server = new SocketServer(
      {
        ...options,
        signal: abort.signal,
        onConversation: (report) => log.conversation(report),
        onError: (error, _message, info) => log.error(error, info.remoteAddr),
        onAcceptError: (error) => log.error(error),
      },
      echoTwice,
      {
        limits: {
          connections: new SharedCounter(connections.max, counters.connections),
          slabs: new SharedCounter(slabs.max, counters.slabs),
        },
      },
    );
  } catch (error) {
    const { message } = error as Error;
    const isOptionError = isOfAnOption(error);
    return scope.postMessage({ type: "failed", message, isOptionError });
  }
  scope.postMessage({ type: "listening", addr: server.addr });
  await server.finished;
  await log.close();
  scope.postMessage({ type: "finished", tally: log.tally });
}

/**
 * Checks that no other server listens on the port: one that shares its port,
 * too, would get a part of the connections, and neither would notice.
 *
 * @throws {Deno.errors.AddrInUse} If there is such a server.
 */
function checkPortIsFree(
  { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT }: AnyServeOptions,
): void {
  if (port !== 0) Deno.listen({ hostname, port }).close();
}
