/**
 * Options that `serve()` refuses.
 *
 * @module
 */

/** Thrown when `serve()` has refused an option, in this thread or another. */
export class OptionError extends Error {
  override name = "OptionError";
}

/** Whether an error that `serve()` itself threw is about an option. */
export function isOfAnOption(error: unknown): error is Error {
  return error instanceof RangeError || error instanceof TypeError;
}
