/**
 * The end of a wait that has no result.
 *
 * @module
 */

/** What a wait resolves to when an error reply has pre-empted it. */
export class Interruption {
  /** Tells an interruption from what a decoder found. */
  readonly reason = "interrupted";
  /** The code of the error reply. */
  readonly errorCode: string;

  constructor(errorCode: string) {
    this.errorCode = errorCode;
  }
}
