/**
 * The server of one thread, with its log.
 *
 * @module
 */
import { type ServerParts, SocketServer } from "../server.ts";
import type { AnyServeOptions } from "../server/serve_options.ts";
import type { Configuration } from "./configuration.ts";
import type { Log } from "./log.ts";
import { toStartError } from "./start_error.ts";

/**
 * Starts a server that logs, and that calls the callbacks of its module.
 *
 * @param signal Aborts the server, as the signal of the module does.
 * @throws {UsageError | ModuleError} If an option is refused.
 * @throws {StartError} If the server cannot listen.
 */
export function startServer(
  configuration: Configuration,
  log: Log,
  signal: AbortSignal,
  parts: ServerParts = {},
): SocketServer {
  const { options, handler } = configuration;
  try {
    return new SocketServer(observed(options, log, signal), handler, parts);
  } catch (error) {
    throw toStartError(error, configuration);
  }
}

function observed(
  options: AnyServeOptions,
  log: Log,
  signal: AbortSignal,
): AnyServeOptions {
  return {
    ...options,
    signal: options.signal === undefined
      ? signal
      : AbortSignal.any([signal, options.signal]),
    onConversation: (report) => {
      log.conversation(report);
      return options.onConversation?.(report);
    },
    onError: (error, message, info) => {
      log.error(error, info.remoteAddr);
      options.onError?.(error, message, info);
    },
    onAcceptError: (error) => {
      log.error(error);
      options.onAcceptError?.(error);
    },
  };
}
