/**
 * Request and reply over TCP, framed by an end marker (a delimiter). Reads a
 * message up to its marker, answers it, and closes so that the reply is not
 * lost.
 *
 * TCP delivers bytes in order, cut anywhere. A message is complete when its end
 * marker has arrived. A client that half-closes (the socket API's
 * `shutdown(SHUT_WR)`) has said that it is done sending, and still listens: the
 * server can send the reply, or the error reply `ERROR:no end!`.
 *
 * - {@linkcode recvEnd} reads from any reader up to an end marker,
 *   {@linkcode messages} one message after another, {@linkcode recvCount} a
 *   message with a byte count in front.
 * - {@linkcode Reader} reads many times from one source, by markers, byte
 *   counts, lengths or numbers of bytes, and can be interrupted without loss.
 * - {@linkcode serve} is the server's side.
 * - {@linkcode sendData} is the client's side of one message and reply,
 *   {@linkcode connect} of many on one connection.
 *
 * @example A server and a client
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
  type ByteOrder,
  type ByteReader,
  type ByteSource,
  type CountFraming,
  type Marker,
  messages,
  type ProcessOutput,
  Reader,
  type ReaderOptions,
  type ReadMethods,
  type ReadOptions,
  type Received,
  type ReceivedCount,
  recvCount,
  recvEnd,
  type RecvEndOptions,
} from "./recv_end.ts";
export {
  serve,
  type ServeOptions,
  type Server,
  type ServeUnixOptions,
} from "./server.ts";
export {
  type Client,
  connect,
  type ConnectionOptions,
  type ConnectOptions,
  ConversationError,
  type DuplexStreams,
  type OpenConnection,
  type OutgoingData,
  type ProcessStreams,
  type ReadingRequestOptions,
  type Reply,
  type ReplyReader,
  type RequestOptions,
  sendData,
  type SendEvent,
  type SendOptions,
} from "./client.ts";
export type { Conversation, Converse } from "./server/conversation.ts";
export {
  ErrorReply,
  type Handler,
  type Message,
  type MessageInfo,
  type ReplyBody,
} from "./server/handler.ts";
export type { ConversationReport } from "./server/report.ts";
export type { ServerModule } from "./server/server_module.ts";
export type { ClientCertificate } from "./server/socket.ts";
export type { TlsLayer } from "./server/listen.ts";
export { removeStaleSocket } from "./server/socket_file.ts";
export {
  CLIENT_MARKER,
  DEFAULT_HOSTNAME,
  DEFAULT_MAX_BYTES,
  DEFAULT_PORT,
  SERVER_MARKER,
} from "./framing/defaults.ts";
