/**
 * A server in the process of the test, and its reports.
 *
 * @module
 */
import type {
  ConversationReport,
  Handler,
  ServeOptions,
  Server,
} from "../mod.ts";
import { type ServerParts, SocketServer } from "../server.ts";

/** The end marker of a local server, unless a test asks for another. */
export const MARKER = "<END>";

/** A server on a free port of 127.0.0.1. Disposing of it shuts it down. */
export class LocalServer implements AsyncDisposable {
  /** What `serve()` returned. */
  readonly server: Server;
  /** The reports, in the order in which the conversations ended. */
  readonly reports: ConversationReport[] = [];
  #more = Promise.withResolvers<void>();

  /** Listens. */
  constructor(
    options: ServeOptions = {},
    handler?: Handler,
    parts: ServerParts = {},
  ) {
    const observed = {
      port: 0,
      end: MARKER,
      ...options,
      onConversation: (report: ConversationReport) => {
        this.reports.push(report);
        this.#more.resolve();
        this.#more = Promise.withResolvers<void>();
      },
    };
    this.server = new SocketServer(observed, handler, parts) as Server;
  }

  /** The port. */
  get port(): number {
    return this.server.addr.port;
  }

  /** Waits for the report with this index. */
  async report(index = 0): Promise<ConversationReport> {
    for (;;) {
      const report = this.reports[index];
      if (report !== undefined) return report;
      await this.#more.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown();
  }
}
