/**
 * What the client script sends: texts, a file, or standard input.
 *
 * @module
 */
import { UsageError } from "./flags.ts";
import { printable } from "./output.ts";

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

/** Thrown when a file or standard input cannot be read while it is sent. */
export class InputError extends Error {
  override name = "InputError";
}

/**
 * Returns the messages to be sent.
 *
 * @param texts Values of `--data`.
 * @param path Value of `--file`.
 * @throws {UsageError} If the file cannot be opened, or there is nothing to
 * send.
 */
export async function inputsFrom(
  texts: readonly string[] | undefined,
  path: string | undefined,
): Promise<Input[]> {
  if (texts !== undefined) return texts.map(textInput);
  if (path !== undefined) return [await fileInput(path)];
  if (Deno.stdin.isTerminal()) {
    throw new UsageError("nothing to send: give --data or --file");
  }
  const data = readInput("standard input", Deno.stdin.readable);
  return [{ data, byteLength: undefined, nameSent: countSent }];
}

function textInput(text: string): Input {
  const { length } = new TextEncoder().encode(text);
  return { data: text, byteLength: length, nameSent: () => text };
}

async function fileInput(path: string): Promise<Input> {
  const file = await Deno.open(path).catch((error) => {
    throw new UsageError(cannotRead("--file", error));
  });
  const { isFile, size } = await file.stat();
  return {
    data: readInput("--file", file.readable),
    // A pipe or a device has no size before it was read.
    byteLength: isFile ? size : undefined,
    nameSent: countSent,
  };
}

function countSent(byteLength: number | undefined): string {
  return byteLength === undefined ? "all" : `${byteLength} bytes`;
}

/** Returns the stream with its errors as {@linkcode InputError}s. */
function readInput(
  name: string,
  stream: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(new InputError(cannotRead(name, error)));
      }
    },
    cancel: () => reader.cancel(),
  }, { highWaterMark: 0 });
}

function cannotRead(name: string, error: unknown): string {
  return `${name} cannot be read: ${printable((error as Error).message)}`;
}
