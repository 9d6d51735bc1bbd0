/**
 * One thread of a server with several: a Worker of `threads.ts`.
 *
 * @module
 */
import { ConversationServer } from "./accept.ts";
import { Count } from "./count.ts";
import { Log } from "./log.ts";
import { newLimits } from "./options.ts";
import { twice } from "./reply.ts";
import type { ThreadOrder, ThreadReport } from "./threads.ts";

/** The part of a Worker's global scope that is used here. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<ThreadOrder>) => void;
  postMessage(report: ThreadReport): void;
};

const cut = new AbortController();
let server: ConversationServer | undefined;

scope.onmessage = ({ data: order }) => {
  if (order.type === "serve") serve(order);
  if (order.type === "shutdown") server?.shutdown();
  if (order.type === "cut") cut.abort();
};

async function serve(
  { options, cells, format, quiet }: ThreadOrder & { type: "serve" },
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
    server = new ConversationServer(
      {
        ...options,
        signal: cut.signal,
        onConversation: (report) => log.conversation(report),
        onError: (error) => log.trouble(error),
      },
      twice,
      {
        connections: new Count(connections.most, cells.connections),
        slabs: new Count(slabs.most, cells.slabs),
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
