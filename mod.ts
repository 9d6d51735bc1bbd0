/**
 * The last word in a TCP conversation.
 *
 * TCP delivers bytes in order, split anywhere. A message is whole when its end
 * marker came; when the marker never comes, somebody must be told. A client
 * that half-closes has said "I am done sending" and still listens, so the
 * server gets the last word: the reply, or `ERROR:no end!`.
 *
 * - {@linkcode recvEnd} reads bytes until the end marker, from any reader.
 * - {@linkcode serve} holds the server's side of such conversations.
 * - {@linkcode sendData} holds the client's side of one, and
 *   {@linkcode connect} that of many messages on one connection.
 * - {@linkcode recvCount} and {@linkcode messages} are for byte counts, and for
 *   one message after the other.
 *
 * @example Both markers are the same
 * ```ts
 * import { sendData, serve } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, end: "\r\n" });
 * const reply = await sendData("a1234", { port: server.addr.port, end: "\r\n" });
 * assertEquals(reply.text(), "a1234a1234");
 * ```
 *
 * @module
 */
export {
  type ByteReader,
  type Marker,
  messages,
  type Received,
  recvEnd,
  type RecvEndOptions,
} from "./recv_end.ts";
export { type ReceivedCount, recvCount } from "./framing/netstring.ts";
export { serve, type ServeOptions, type Server } from "./server.ts";
export { removeDeadSocket } from "./server/listen.ts";
export {
  connect,
  type ConnectOptions,
  sendData,
  type SendOptions,
} from "./client/send.ts";
export type { ClientConversation } from "./client/pipelined.ts";
export type { OutgoingData } from "./framing/outgoing.ts";
export { ConversationError, type Reply, type SendEvent } from "./client/reply.ts";
export {
  type Handler,
  LastWord,
  type Message,
  type MessageInfo,
  type ReplyBody,
} from "./server/handler.ts";
export type { ConversationReport } from "./server/connection.ts";
export {
  CLIENT_MARKER,
  DEFAULT_HOSTNAME,
  DEFAULT_MAX_BYTES,
  DEFAULT_PORT,
  SERVER_MARKER,
} from "./framing/defaults.ts";
