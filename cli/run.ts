/**
 * How a script runs and ends: its exit statuses, and errors as one line.
 *
 * @module
 */
import { UsageError } from "./flags.ts";
import { OutputError, printable, printError } from "./output.ts";

/** Exit statuses of the scripts. */
export const EXIT = {
  /** Everything succeeded. */
  ok: 0,
  /** The client received an error reply, or the server could not listen. */
  error: 1,
  /** The command line was wrong. */
  usage: 2,
  /** The conversation failed: refused, truncated, no reply, timed out. */
  failed: 3,
} as const;

/**
 * Runs a script and sets its exit status. A {@linkcode UsageError} becomes
 * one line on standard error and status 2; an output that cannot be written,
 * status 3. Other errors are bugs: they are thrown, and keep their trace.
 *
 * @param main Resolves to the exit status.
 */
export async function runMain(
  main: (args: string[]) => Promise<number>,
): Promise<void> {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    if (error instanceof OutputError) {
      const { cause } = error as { cause: Error };
      // The reader of the output has left, as in `client.ts … | head -n 1`:
      // the user knows. A full disk is worth a line.
      if (!(cause instanceof Deno.errors.BrokenPipe)) {
        printError(printable(`${error.message}: ${cause.message}`));
      }
      Deno.exit(EXIT.failed);
    }
    if (!(error instanceof UsageError)) throw error;
    Deno.exitCode = EXIT.usage;
    printError(`${error.message}; see --help`);
  }
}
