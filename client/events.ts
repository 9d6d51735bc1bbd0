/**
 * The steps of a conversation, as a client sees them.
 *
 * @module
 */

/** A step of a conversation, from the client's side. */
export type SendEvent =
  /** The connection is established. */
  | { type: "connected" }
  /** `byteLength` more bytes were handed to the kernel. */
  | { type: "wrote"; byteLength: number }
  /** The complete message was: `byteLength` bytes, and its end marker. */
  | { type: "sent"; byteLength: number }
  /** The client has half-closed: it is done sending. */
  | { type: "half-close" }
  /** `byteLength` more bytes of the reply were received. */
  | { type: "read"; byteLength: number }
  /** The server is done sending. */
  | { type: "end of file" }
  /** The connection is closed. No event follows. */
  | { type: "closed" };
