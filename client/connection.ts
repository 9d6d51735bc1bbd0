/**
 * Connections that a caller has opened, and what a client needs of one.
 *
 * @module
 */
import type { ByteSource } from "../framing/chunk_reader.ts";
import type { Address } from "./address.ts";

/** Two streams of bytes: what is received, and what is sent. */
export interface DuplexStreams {
  /** The bytes that the server sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The bytes that the server receives. Closing it is the half-close. */
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * A child process whose standard input and standard output are piped: a
 * `Deno.ChildProcess`.
 */
export interface ProcessStreams {
  /** The standard input. Closing it is the half-close. */
  readonly stdin: WritableStream<Uint8Array>;
  /** The standard output. */
  readonly stdout: ReadableStream<Uint8Array>;
}

/** An open connection to a server, or a child process that takes its place. */
export type OpenConnection = Deno.Conn | DuplexStreams | ProcessStreams;

/** What a client needs of a connection. */
export interface Connection {
  /** What is received. */
  readonly source: ByteSource;
  /** Writes bytes, and returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  /** Closes at once. The source is not locked any more. */
  close(): void;
  /** The socket, for its own options. A `Deno.TcpConn` has all of them. */
  readonly socket?: Partial<
    Pick<Deno.TcpConn, "ref" | "unref" | "setNoDelay" | "setKeepAlive">
  >;
}

/**
 * Checks a connection that a caller gives, and that it is given alone.
 *
 * @throws {TypeError} If it cannot be used.
 */
export function checkOpenConnection(
  conn: OpenConnection,
  { path, tls }: Address,
): void {
  if (path !== undefined || tls) {
    throw new TypeError("Cannot use `conn` together with `path` or `tls`");
  }
  const isObject = typeof conn === "object" && conn !== null;
  if (isObject && (isConn(conn) || "stdout" in conn || "readable" in conn)) {
    return;
  }
  throw new TypeError(
    "Cannot use `conn`: neither a connection, nor two streams, nor a process",
  );
}

/**
 * Adapts a connection that a caller has opened.
 *
 * @throws {TypeError} If a stream is locked, or not piped.
 */
export function toConnection(conn: OpenConnection): Connection {
  if (isConn(conn)) return overSocket(conn);
  return "stdout" in conn
    ? overStreams(conn.stdout, conn.stdin)
    : overStreams(conn.readable, conn.writable);
}

/** A `Deno.Conn` has streams too, whose end would close the connection. */
function isConn(conn: OpenConnection): conn is Deno.Conn {
  return "read" in conn && "write" in conn && "closeWrite" in conn;
}

function overSocket(conn: Deno.Conn): Connection {
  return {
    source: conn,
    write: (bytes) => conn.write(bytes),
    closeWrite: () => conn.closeWrite(),
    close: () => conn.close(),
    socket: conn as Deno.TcpConn,
  };
}

function overStreams(
  readable: ReadableStream<Uint8Array>,
  writable: WritableStream<Uint8Array>,
): Connection {
  if (readable.locked) throw new TypeError("Cannot read: the stream is locked");
  const writer = writable.getWriter();
  return {
    source: readable,
    async write(bytes) {
      await writer.write(bytes);
      return bytes.length;
    },
    closeWrite: () => writer.close(),
    close() {
      const reason = new Error("The client has closed the connection");
      // A stream that has failed or ended already has nothing to be told.
      writer.abort(reason).catch(() => {});
      readable.cancel(reason).catch(() => {});
    },
  };
}

/** Returns the connection; or closes it, if the signal has aborted. */
export function unlessAborted<Conn extends Deno.Conn>(
  conn: Conn,
  signal?: AbortSignal,
): Conn {
  if (!signal?.aborted) return conn;
  conn.close();
  throw signal.reason;
}
