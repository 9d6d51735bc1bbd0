/**
 * What a module exports that `server.ts` serves.
 *
 * @module
 */
import type { Converse } from "./conversation.ts";
import type { Handler } from "./handler.ts";
import type { ServeOptions, ServeUnixOptions } from "./serve_options.ts";

/**
 * The default export of a module that `server.ts` serves, as
 * `deno run -A server.ts module.ts` does: a handler, or an object with `handler`
 * or `converse` and further options of `serve()`. Flags of the command line override the options. With
 * `--parallel`, each thread loads the module, and so has a state of its own.
 *
 * @example A module that the script serves
 * ```ts ignore
 * import type { ServerModule } from "@recv-end/recv-end";
 *
 * export default {
 *   end: "\n",
 *   keepAlive: true,
 *   handler: (message) => message.text().toUpperCase(),
 * } satisfies ServerModule;
 * ```
 */
export type ServerModule =
  | Handler
  | (
    & (ServeOptions | ServeUnixOptions)
    & ({ handler: Handler } | { converse: Converse })
  );
