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

/** Errors of a limit that a peer has passed, not of a wrong argument. */
const limitErrors = new WeakSet<RangeError>();

/** The error where a peer has, or announces, more bytes than a limit allows. */
export function byteLimitError(message: string): RangeError {
  const error = new RangeError(message);
  limitErrors.add(error);
  return error;
}

/** Whether an error is one of `byteLimitError()`. */
export function isByteLimitError(error: unknown): boolean {
  return error instanceof RangeError && limitErrors.has(error);
}

/**
 * Checks a number of bytes that is to be read.
 *
 * @throws {RangeError} If it is not a whole number from 0, or above `maxBytes`.
 */
export function checkByteCount(byteCount: number, maxBytes: number): void {
  if (!(Number.isSafeInteger(byteCount) && byteCount >= 0)) {
    throw new RangeError(
      `Cannot read ${byteCount} bytes: not a whole number from 0`,
    );
  }
  if (byteCount > maxBytes) {
    throw byteLimitError(
      `Cannot read ${byteCount} bytes: maxBytes is ${maxBytes}`,
    );
  }
}
