/**
 * What the errors of a socket say about how the client broke off.
 *
 * @module
 */

/**
 * Whether the client ended TCP without ending TLS (close_notify). It has closed
 * in order: one that had not read everything would have caused a reset.
 */
export function isEndOfTcp(error: unknown): boolean {
  return error instanceof Deno.errors.UnexpectedEof;
}

/** Whether the client does not speak TLS, or refused the certificate. */
export function isNotTls(error: unknown): boolean {
  return error instanceof Deno.errors.InvalidData;
}
