/**
 * What the client script sends: texts, a file, or standard input.
 *
 * @module
 */
import { EndMarkerFraming } from "../framing/end_marker.ts";
import { MarkerSet } from "../framing/marker_set.ts";
import { UsageError } from "./flags.ts";
import { printable } from "./output.ts";
import { withoutLastMarker } from "./last_marker.ts";

/** Why a message is not sent, after its name. */
export const MARKER_IN_DATA =
  "contains the end marker: the message would end there " +
  "(choose another --marker, or --framing count)";

/** One message to be sent. */
export interface Input {
  /** The message. */
  readonly data: string | ReadableStream<Uint8Array>;
  /** Number of bytes in the message; undefined if it is not known. */
  readonly byteLength: number | undefined;
  /**
   * Returns what the `sent` line names.
   *
   * @param byteLength Number of bytes sent; undefined if they were not counted.
   */
  readonly nameSent: (byteLength: number | undefined) => string;
}

/**
 * Thrown when a file or standard input cannot be read while it is sent, or
 * contains the end marker.
 */
export class InputError extends Error {
  override name = "InputError";
}

/**
 * Returns the messages to be sent. A marker at the very end of a file or of
 * standard input is the end of the message, and not a part of it.
 *
 * @param texts Values of `--data`.
 * @param path Value of `--file`.
 * @param marker The end marker of the messages; undefined if they have none.
 * @throws {UsageError} If the file cannot be opened, a text contains the
 * marker, or there is nothing to send.
 */
export async function inputsFrom(
  texts: readonly string[] | undefined,
  path: string | undefined,
  marker: Uint8Array | undefined,
): Promise<Input[]> {
  if (texts !== undefined) return texts.map((text) => textInput(text, marker));
  if (path !== undefined) return [await fileInput(path, marker)];
  if (Deno.stdin.isTerminal()) {
    throw new UsageError(
      "nothing to send: give --data or --file, or --keep-alive to type messages",
    );
  }
  const data = readInput("standard input", Deno.stdin.readable, marker);
  return [{ data, byteLength: undefined, nameSent: countSent }];
}

function textInput(text: string, marker: Uint8Array | undefined): Input {
  const bytes = new TextEncoder().encode(text);
  if (marker !== undefined) {
    const guard = new MarkerGuard("--data", marker);
    try {
      guard.check(bytes);
      guard.end();
    } catch (error) {
      if (error instanceof InputError) throw new UsageError(error.message);
      throw error;
    }
  }
  return { data: text, byteLength: bytes.length, nameSent: () => text };
}

async function fileInput(
  path: string,
  marker: Uint8Array | undefined,
): Promise<Input> {
  const file = await Deno.open(path).catch((error) => {
    throw new UsageError(cannotRead("--file", error));
  });
  const { isFile, size } = await file.stat();
  return {
    data: readInput("--file", file.readable, marker),
    // A pipe or a device has no size before it was read.
    byteLength: isFile ? size : undefined,
    nameSent: countSent,
  };
}

function countSent(byteLength: number | undefined): string {
  return byteLength === undefined ? "all" : `${byteLength} bytes`;
}

/** Looks for the end marker in a message, before the server finds it. */
class MarkerGuard {
  readonly #name: string;
  readonly #marker: Uint8Array;
  readonly #guard;

  /** @param name What is searched, for the error. */
  constructor(name: string, marker: Uint8Array) {
    this.#name = name;
    this.#marker = marker;
    this.#guard = new EndMarkerFraming(new MarkerSet([marker])).guard();
  }

  /** @throws {InputError} If the marker is in the bytes so far. */
  check(bytes: Uint8Array, isLast = false): void {
    try {
      this.#guard.check(bytes, isLast);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new InputError(`${this.#name} ${MARKER_IN_DATA}`);
    }
  }

  /** @throws {InputError} If the end of the message begins a marker. */
  end(): void {
    this.check(this.#marker, true);
  }
}

/** Returns the stream as one message, with its errors as {@linkcode InputError}s. */
function readInput(
  name: string,
  stream: ReadableStream<Uint8Array>,
  marker: Uint8Array | undefined,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  const all = readAll(name, reader);
  const chunks = marker === undefined ? all : checked(name, all, marker);
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(error);
      }
    },
    cancel: () => reader.cancel(),
  }, { highWaterMark: 0 });
}

async function* readAll(
  name: string,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw new InputError(cannotRead(name, error));
    });
    if (done) return;
    yield value;
  }
}

async function* checked(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  marker: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const guard = new MarkerGuard(name, marker);
  for await (const chunk of withoutLastMarker(chunks, marker)) {
    guard.check(chunk);
    yield chunk;
  }
  guard.end();
}

/** Says that a file or standard input cannot be read. */
export function cannotRead(name: string, error: unknown): string {
  return `${name} cannot be read: ${printable((error as Error).message)}`;
}
