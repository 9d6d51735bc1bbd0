/**
 * A connection in memory, one end of which a test plays by hand.
 *
 * @module
 */
import { type DuplexStreams, Reader } from "../mod.ts";

/** The two ends of a connection. */
export interface Duplex {
  /** The client's end, for the option `conn`. */
  readonly conn: DuplexStreams;
  /** Reads what the client sends. */
  readonly received: Reader;
  /** Sends a text to the client. */
  send(text: string): Promise<void>;
  /** Ends what is sent to the client. */
  end(): Promise<void>;
  /** Breaks the connection. */
  fail(error: Error): Promise<void>;
}

/**
 * Makes a connection in memory.
 *
 * @param capacity The number of chunks on their way, in each direction.
 */
export function duplex(capacity = 100): Duplex {
  const strategy = new CountQueuingStrategy({ highWaterMark: capacity });
  const pipe = () =>
    new TransformStream<Uint8Array, Uint8Array>({}, undefined, strategy);
  const [down, up] = [pipe(), pipe()];
  const writer = down.writable.getWriter();
  return {
    conn: { readable: down.readable, writable: up.writable },
    received: new Reader(up.readable),
    send: (text) => writer.write(new TextEncoder().encode(text)),
    end: () => writer.close(),
    fail: (error) => writer.abort(error),
  };
}

/** Reads the client's next message, without its marker, as text. */
export async function nextMessage(
  { received }: Duplex,
  end: string,
): Promise<string> {
  const { data, gotEnd } = await received.until(end);
  if (!gotEnd) throw new Error("The client has sent no further message");
  return new TextDecoder().decode(data);
}
