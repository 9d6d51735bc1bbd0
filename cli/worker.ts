/**
 * One thread of a server with several threads: the Worker of `threads.ts`.
 *
 * @module
 */
import { SocketServer } from "../server.ts";
import { echoTwice } from "../server/handler.ts";
import { newLimits } from "../server/limits.ts";
import { SharedCounter } from "../server/shared_counter.ts";
import { Log } from "./log.ts";
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
  { options, counters, format, quiet }: ThreadCommand & { type: "serve" },
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
    const { connections, slabs } = newLimits(options);
    server = new SocketServer(
      {
        ...options,
        signal: abort.signal,
        onConversation: (report) => log.conversation(report),
        onAcceptError: (error) => log.error(error),
      },
      echoTwice,
      {
        connections: new SharedCounter(connections.max, counters.connections),
        slabs: new SharedCounter(slabs.max, counters.slabs),
      },
    );
  } catch (error) {
    const { message } = error as Error;
    return scope.postMessage({ type: "failed", message });
  }
  scope.postMessage({ type: "listening", addr: server.addr });
  await server.finished;
  await log.close();
  scope.postMessage({ type: "finished", tally: log.tally });
}
