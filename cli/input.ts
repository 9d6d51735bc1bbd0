/**
 * What the client script is given to send.
 *
 * @module
 */
import { printable, UsageError } from "./cli.ts";

/** One message of the script. */
export interface Job {
  /** What is to be sent. */
  readonly data: string | ReadableStream<Uint8Array>;
  /** How many bytes that is, where it is known. */
  readonly size: number | undefined;
  /** What the `sent` line says when all of it was sent. */
  readonly sent: (byteLength: number) => string;
}

/**
 * The messages: each text, or a file, or standard input.
 *
 * @throws {UsageError} If there is nothing to send, or too much.
 */
export async function jobs(
  texts: string[] | undefined,
  file: string | undefined,
): Promise<Job[]> {
  if (texts !== undefined && file !== undefined) {
    throw new UsageError("--data and --file exclude each other");
  }
  if (texts !== undefined) {
    const encoder = new TextEncoder();
    return texts.map((data) => {
      return { data, size: encoder.encode(data).length, sent: () => data };
    });
  }
  // On one connection with others, nobody counts while it is sent.
  const sent = (byteLength: number) =>
    Number.isNaN(byteLength) ? "all" : `${byteLength} bytes`;
  if (file !== undefined) {
    const opened = await Deno.open(file).catch((error) => {
      throw new UsageError(cannotRead("--file", error));
    });
    const { isFile, size } = await opened.stat();
    const data = readInput("--file", opened.readable);
    return [{ data, size: isFile ? size : undefined, sent }];
  }
  if (Deno.stdin.isTerminal()) {
    throw new UsageError("nothing to send: give --data or --file");
  }
  const data = readInput("standard input", Deno.stdin.readable);
  return [{ data, size: undefined, sent }];
}

/** What the user gave us to send cannot be read. */
export class InputError extends Error {}

/** The same stream; when it fails, it fails as an {@linkcode InputError}. */
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
