/**
 * Why a server could not start, in this thread or in another.
 *
 * @module
 */
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../framing/defaults.ts";
import type { AnyServeOptions } from "../server/serve_options.ts";
import type { Configuration } from "./configuration.ts";
import { UsageError } from "./flags.ts";
import { ModuleError } from "./server_module.ts";

/** Thrown when a server cannot listen. The message names the address. */
export class StartError extends Error {
  override name = "StartError";
}

/** An error in terms that can be sent to another thread. */
export interface SentError {
  /** The name of its class. */
  readonly name: string;
  /** Its message. */
  readonly message: string;
}

/** Returns an error that `serve()` itself threw, as one for users. */
export function toStartError(
  error: unknown,
  { options, toOptionError }: Configuration,
): Error {
  const { message } = error as Error;
  return error instanceof RangeError || error instanceof TypeError
    ? toOptionError(message)
    : new StartError(`Cannot serve on ${nameOf(options)}: ${message}`);
}

/** Returns the error that another thread has sent. */
export function fromSent({ name, message }: SentError): Error {
  if (name === "UsageError") return new UsageError(message);
  if (name === "ModuleError") return new ModuleError(message);
  return new StartError(message);
}

/** Returns the address that options ask for. */
export function nameOf(options: AnyServeOptions): string {
  const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT, path } = options;
  return path ?? `${hostname}:${port}`;
}
