/**
 * What the command line and a module say together of the server.
 *
 * @module
 */
import type { Handler } from "../server/handler.ts";
import type { AnyServeOptions } from "../server/serve_options.ts";
import {
  type Flag,
  type FlagValues,
  inFlags,
  optionsOf,
} from "./flag_table.ts";
import { UsageError } from "./flags.ts";
import { loadModule, ModuleError } from "./server_module.ts";
import { SERVER_FLAGS } from "./server_flags.ts";
import { tlsOptionsOf } from "./tls_files.ts";

/** The values of the flags that were given. */
export type ServerFlags = FlagValues<typeof SERVER_FLAGS>;

/** What to serve, in terms that can be sent to a thread. */
export interface Request {
  /** The module, a path or a URL; undefined for the default handler. */
  readonly module: string | undefined;
  /** The flags, which override the options of the module. */
  readonly flags: ServerFlags;
}

/** What to serve. */
export interface Configuration {
  /** The handler; undefined for the default one, or with `converse`. */
  readonly handler: Handler | undefined;
  /** The options of `serve()`. */
  readonly options: AnyServeOptions;
  /** Returns an error about options that `serve()` refuses, for users. */
  readonly toOptionError: (message: string) => UsageError | ModuleError;
}

/**
 * Loads the module, if there is one, and lets flags override its options.
 *
 * @throws {ModuleError} If the module cannot be served.
 * @throws {UsageError} If a flag excludes an option of the module.
 */
export async function configure(
  { module, flags }: Request,
): Promise<Configuration> {
  const tls = await tlsOptionsOf(flags);
  const fromFlags: AnyServeOptions = {
    ...optionsOf(flags, SERVER_FLAGS),
    ...tls,
  };
  if (module === undefined) {
    return {
      handler: undefined,
      options: fromFlags,
      toOptionError: (message) =>
        new UsageError(inFlags(message, SERVER_FLAGS)),
    };
  }
  const loaded = await loadModule(module);
  const fromModule = withoutOverridden(loaded.options, flags, module);
  if (tls !== undefined || flags.unix !== undefined) {
    for (const option of ["cert", "key", "tls"] as const) {
      delete fromModule[option];
    }
  }
  const ownTable = Object.fromEntries(
    Object.entries(SERVER_FLAGS).filter(([name, { option }]: [string, Flag]) =>
      Object.hasOwn(flags, name) || !Object.hasOwn(fromModule, option ?? "")
    ),
  );
  return {
    handler: loaded.handler,
    options: { ...fromModule, ...fromFlags },
    toOptionError: (message) =>
      new ModuleError(`Cannot serve ${module}: ${inFlags(message, ownTable)}`),
  };
}

/**
 * The options of a module without those that cannot stand beside a flag: with
 * `--unix`, for example, the module's `port` means nothing.
 */
function withoutOverridden(
  options: AnyServeOptions,
  flags: ServerFlags,
  module: string,
): AnyServeOptions {
  const given: Readonly<Record<string, unknown>> = flags;
  const left: Record<string, unknown> = { ...options };
  const table: [string, Flag][] = Object.entries(SERVER_FLAGS);
  for (const [name, flag] of table) {
    const isGiven = Object.hasOwn(given, name);
    const value = isGiven ? given[name] : left[flag.option ?? ""];
    if (value === undefined) continue;
    if (flag.excludesWhen?.holds(value, given) === false) continue;
    for (const other of flag.excludes ?? []) {
      const { option } = table.find(([name]) => name === other)![1];
      if (isGiven && option !== undefined && Object.hasOwn(left, option)) {
        if (flag.option === undefined && !flag.isInstead) {
          throw new UsageError(
            `--${name} and the option ${option} of ${module} exclude each other`,
          );
        }
        delete left[option];
      } else if (!isGiven && Object.hasOwn(given, other)) {
        delete left[flag.option!];
      }
    }
  }
  return left;
}
