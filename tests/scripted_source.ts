/**
 * Sources for tests of reading: they give what a script says, when it says so.
 *
 * @module
 */
import type { ByteReader } from "../mod.ts";

/** The bytes of a text. */
export const utf8 = (text: string) => new TextEncoder().encode(text);

/** The text of bytes. */
export const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The bytes in chunks, cut at these places. None is empty. */
export function cutAt(
  bytes: Uint8Array,
  places: readonly number[],
): Uint8Array[] {
  const edges = [0, ...places.toSorted((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge))
    .filter(({ length }) => length > 0);
}

/**
 * A reader that gives these chunks, one a read, and then the end of file. A
 * number is returned as it is, an error is thrown.
 */
export function scripted(
  script: readonly (Uint8Array | number | Error)[],
): ByteReader & { reads: number } {
  const queue = [...script];
  return {
    reads: 0,
    read(p) {
      this.reads++;
      const step = queue.shift();
      if (step === undefined) return Promise.resolve(null);
      if (step instanceof Error) return Promise.reject(step);
      if (typeof step === "number") return Promise.resolve(step);
      return Promise.resolve(fill(p, step, queue));
    },
  };
}

/** Copies what fits; the rest is the next chunk of the queue. */
function fill(
  p: Uint8Array,
  chunk: Uint8Array,
  queue: (Uint8Array | number | Error)[],
): number {
  const now = chunk.subarray(0, p.length);
  p.set(now);
  if (now.length < chunk.length) queue.unshift(chunk.subarray(p.length));
  return now.length;
}

/** A reader whose reads stay pending until the test opens the gate. */
export class GatedSource implements ByteReader {
  readonly #queue: Uint8Array[];
  #pending:
    | { p: Uint8Array; read: PromiseWithResolvers<number | null> }
    | null = null;

  constructor(chunks: readonly Uint8Array[]) {
    this.#queue = [...chunks];
  }

  get isReading(): boolean {
    return this.#pending !== null;
  }

  read(p: Uint8Array): Promise<number | null> {
    if (this.isReading) throw new Error("Two reads at once");
    const read = Promise.withResolvers<number | null>();
    this.#pending = { p, read };
    return read.promise;
  }

  /** Lets the pending read have the next chunk, or the end of file. */
  open(): void {
    const { p, read } = this.#pending!;
    this.#pending = null;
    const chunk = this.#queue.shift();
    if (chunk === undefined) return read.resolve(null);
    const rest: Uint8Array[] = [];
    read.resolve(fill(p, chunk, rest));
    this.#queue.unshift(...rest);
  }
}
