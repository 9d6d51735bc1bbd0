/**
 * Where a message ends: the interface of all framings. A framing describes one
 * direction of a connection, and both sides use the same one for it.
 *
 * @module
 */
import type { Decoded, StopReason } from "./received.ts";

/**
 * Finds messages in a stream of bytes that arrives in chunks, cut anywhere.
 * The answers depend on the bytes alone, never on the cuts.
 */
export interface Decoder<Reason extends StopReason = StopReason> {
  /**
   * Takes the next bytes. They are kept, not copied, as part of the message.
   *
   * @param from Where they begin in `chunk`: by default with its first byte. It
   * saves a view of the bytes that follow each of many messages in a chunk.
   * @returns The message, or why there can be none, as soon as that is known.
   * After a message the decoder starts afresh: push its `rest` next (`restIn`
   * from `restStart`). After any other result it must not be used.
   */
  push(chunk: Uint8Array, from?: number): Decoded<Reason> | undefined;
  /** The result at the end of file: of all bytes since the last message. */
  end(): Decoded<Reason>;
  /**
   * Takes bytes of the incomplete message away, for a caller that passes them on
   * as they arrive: all that cannot be the start of a marker. The result of the
   * message then has the bytes that are left, and the number of all.
   */
  takePart?(): readonly Uint8Array[];
  /**
   * The number of the last bytes pushed that a decoder needs again which starts
   * afresh. By default all since the last message.
   */
  readonly neededBytes?: number;
  /**
   * Goes on after a message that is above the limit: from now on the rest of it
   * is dropped. Its end has the result `"limit"` again, with the bytes after it.
   *
   * @returns That result, if the end was pushed already.
   */
  skip?(): Decoded<Reason> | undefined;
}

/** A way to tell where a message ends. */
export interface Framing<Reason extends StopReason = StopReason> {
  /** The markers that can end a message; none with counts. */
  readonly markers: readonly Uint8Array[];
  /** The maximum number of bytes of a message besides its own. */
  readonly overheadBytes: number;
  /** Starts decoding at the start of a stream. */
  decoder(maxBytes: number): Decoder<Reason>;
  /**
   * The bytes before a message of this length; null where there are none and
   * the length need not be known in advance.
   */
  readonly header: ((byteLength: number) => Uint8Array) | null;
  /**
   * The bytes before each message, ahead of its header. Nobody searches them for
   * the end. By default there are none.
   */
  readonly start?: Uint8Array;
  /** The bytes after a message; may be empty. */
  readonly trailer: Uint8Array;
  /** Starts a search for this framing's own end in what is sent, if it has one. */
  guard?(): OutgoingGuard;
  /**
   * Searches a complete message with its trailer, as `guard()` does.
   *
   * @param bytes Where the message lies, from `from` to `to`.
   * @throws {TypeError} If a receiver would find the end before the trailer.
   */
  checkComplete?(bytes: Uint8Array, from: number, to: number): void;
}

/** Looks for the end marker in the bytes of a message that is being sent. */
export interface OutgoingGuard {
  /**
   * Searches the next bytes.
   *
   * @param isLast Whether they end with the trailer.
   * @throws {TypeError} If a receiver would find the end before the trailer.
   */
  check(bytes: Uint8Array, isLast: boolean): void;
}
