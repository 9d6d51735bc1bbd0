/**
 * Options of a `Reader` and of its methods, checked.
 *
 * @module
 */
import { DEFAULT_MAX_BYTES } from "./defaults.ts";
import { checkMaxBytes } from "./max_bytes.ts";

/** Options of a `Reader`. */
export interface ReaderOptions {
  /**
   * Bytes that precede those of the source: the `rest` of a message that
   * `recvEnd()` has read. They are not copied. By default there are none.
   */
  initial?: Uint8Array;
}

/** Options of each method of a `Reader`. */
export interface ReadOptions {
  /**
   * The maximum number of bytes that the call returns, in memory at once. What
   * happens at the limit is described with each method.
   *
   * @default {67108864}
   */
  maxBytes?: number;
  /**
   * Aborts the call: it rejects with the signal's reason. The bytes that have
   * arrived stay in the reader, and the read that is pending goes on: the next
   * call has the result.
   */
  signal?: AbortSignal;
  /**
   * The longest time for the call, in ms; 0 is no limit. When it has passed, the
   * call rejects with a `DOMException` named `TimeoutError`, and loses no byte,
   * as with `signal`. With `messages()`, the time for each message.
   *
   * @default {0}
   */
  timeout?: number;
}

/**
 * Checks the options of a call.
 *
 * @param defaultMaxBytes The maximum number of bytes, if no option sets it.
 * @returns The maximum number of bytes.
 * @throws {RangeError} If an option is not valid.
 */
export function checkReadOptions(
  options: ReadOptions,
  defaultMaxBytes: number = DEFAULT_MAX_BYTES,
): number {
  const { maxBytes = defaultMaxBytes, timeout = 0 } = options;
  checkMaxBytes(maxBytes);
  if (!(typeof timeout === "number" && timeout >= 0)) {
    throw new RangeError(
      `Cannot use timeout as a limit: it must be from 0, and is ${timeout}`,
    );
  }
  return maxBytes;
}

/** Thrown where a peer has more bytes, or announces more, than a limit allows. */
export class ByteLimitError extends RangeError {
  override name = "ByteLimitError";
}

/**
 * Checks a number of bytes that is to be read.
 *
 * @throws {RangeError} If it is not a whole number from 0.
 * @throws {ByteLimitError} If it is above `maxBytes`.
 */
export function checkByteCount(byteCount: number, maxBytes: number): void {
  if (!(Number.isSafeInteger(byteCount) && byteCount >= 0)) {
    throw new RangeError(
      `Cannot read ${byteCount} bytes: not a whole number from 0`,
    );
  }
  if (byteCount > maxBytes) {
    throw new ByteLimitError(
      `Cannot read ${byteCount} bytes: maxBytes is ${maxBytes}`,
    );
  }
}
