/**
 * The limit on the bytes of a message.
 *
 * @module
 */

/**
 * Checks a limit on the bytes of a message or a reply.
 *
 * @throws {RangeError} If it is not a whole number from 0, or `Infinity`.
 */
export function checkMaxBytes(maxBytes: number): void {
  if (
    maxBytes !== Infinity && !(Number.isSafeInteger(maxBytes) && maxBytes >= 0)
  ) {
    throw new RangeError(
      "Cannot use maxBytes as a limit: " +
        `it must be a whole number from 0, or Infinity, and is ${maxBytes}`,
    );
  }
}
