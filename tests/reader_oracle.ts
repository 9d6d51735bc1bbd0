/**
 * What a `Reader` must return, by plain searches over all bytes of the stream.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Reader, ReadOptions } from "../mod.ts";
import type { Random } from "./random.ts";
import { utf8 } from "./scripted_source.ts";

/** A call of a reader: what it is, and what it must return. */
export interface Call {
  readonly name: string;
  /** Makes the call. */
  run(reader: Reader, options: ReadOptions): Promise<unknown>;
  /** Checks the result: a value, or what was thrown. */
  check(result: unknown, isThrown: boolean): void;
}

interface Counted {
  reason: string;
  data: Uint8Array;
  consumed: number;
}

/** The stream, and how much of it was consumed. */
export class Oracle {
  readonly #stream: Uint8Array;
  #position = 0;

  constructor(stream: Uint8Array) {
    this.#stream = stream;
  }

  get left(): Uint8Array {
    return this.#stream.subarray(this.#position);
  }

  /** A random call. */
  call(random: Random): Call {
    const ends = random.pick(MARKERS);
    const maxBytes = random.chance(0.5) ? undefined : random.int(0, 12);
    const count = random.int(0, 9);
    const size = random.int(1, 8);
    const order = random.pick(["big", "little"] as const);
    return random.pick([
      () => this.until(ends, maxBytes),
      () => this.until(ends, maxBytes),
      () => this.skipUntil(ends),
      () => this.exactly(count),
      () => this.some(maxBytes === undefined ? maxBytes : maxBytes + 1),
      () => this.toEnd(random.int(0, 30)),
      () => this.uint(size, order),
      () => this.netstring(maxBytes),
      () => this.octetCounted(maxBytes),
      () => this.lengthPrefixed(random.int(1, 2), order, maxBytes),
    ])();
  }

  until(ends: string[], maxBytes = Infinity): Call {
    return this.#call(`until ${JSON.stringify(ends)} ${maxBytes}`, {
      run: (reader, options) => reader.until(ends, { maxBytes, ...options }),
      expected: () => {
        const left = this.left;
        const found = findEnd(left, ends);
        const counted = found?.start ?? left.length - pendingBytes(left, ends);
        const reason = counted > maxBytes ? "limit" : found ? "end" : "eof";
        const length = reason === "limit"
          ? Math.max(maxBytes, 1)
          : found?.start ?? left.length;
        const result = {
          reason,
          data: left.subarray(0, length),
          byteLength: length,
          rest: new Uint8Array(0),
          markerIndex: reason === "end" ? found!.index : -1,
        };
        return [result, reason === "end" ? found!.end : length];
      },
    });
  }

  skipUntil(ends: string[]): Call {
    return this.#call(`skipUntil ${JSON.stringify(ends)}`, {
      run: (reader, options) => reader.skipUntil(ends, options),
      expected: () => {
        const found = findEnd(this.left, ends);
        return [found !== undefined, found?.end ?? this.left.length];
      },
    });
  }

  exactly(count: number): Call {
    return this.#call(`exactly ${count}`, {
      run: (reader, options) => reader.exactly(count, options),
      expected: () =>
        count <= this.left.length
          ? [this.left.subarray(0, count), count]
          : [Deno.errors.UnexpectedEof, 0],
    });
  }

  some(maxBytes = Infinity): Call {
    return this.#call(`some ${maxBytes}`, {
      run: (reader, options) => reader.some({ maxBytes, ...options }),
      expected: (result) => {
        const length = result instanceof Uint8Array ? result.length : 0;
        if (length === 0 || length > maxBytes) return [null, this.left.length];
        return [this.left.subarray(0, length), length];
      },
    });
  }

  toEnd(maxBytes: number): Call {
    return this.#call(`toEnd ${maxBytes}`, {
      run: (reader, options) => reader.toEnd({ maxBytes, ...options }),
      expected: () =>
        this.left.length <= maxBytes
          ? [this.left, this.left.length]
          : [RangeError, 0],
    });
  }

  uint(size: number, order: "big" | "little"): Call {
    return this.#call(`uint ${size} ${order}`, {
      run: (reader, options) => reader.uint(size, order, options),
      expected: () => {
        if (this.left.length < size) return [Deno.errors.UnexpectedEof, 0];
        const value = bigOf(this.left.subarray(0, size), order);
        return value > BigInt(Number.MAX_SAFE_INTEGER)
          ? [RangeError, 0]
          : [Number(value), size];
      },
    });
  }

  netstring(maxBytes = Infinity): Call {
    return this.#counted(
      `netstring ${maxBytes}`,
      (reader, options) => reader.netstring({ maxBytes, ...options }),
      () => decimal(this.left, ":", ",", maxBytes),
    );
  }

  octetCounted(maxBytes = Infinity): Call {
    return this.#counted(
      `octetCounted ${maxBytes}`,
      (reader, options) => reader.octetCounted({ maxBytes, ...options }),
      () => decimal(this.left, " ", "", maxBytes),
    );
  }

  lengthPrefixed(
    size: number,
    order: "big" | "little",
    maxBytes = Infinity,
  ): Call {
    return this.#counted(
      `lengthPrefixed ${size} ${order} ${maxBytes}`,
      (reader, options) =>
        reader.lengthPrefixed(size, order, { maxBytes, ...options }),
      () => {
        const { left } = this;
        if (left.length < size) return noCount("eof");
        const count = Number(bigOf(left.subarray(0, size), order));
        if (count > maxBytes) return noCount("bad count");
        const data = left.subarray(size, size + count);
        const reason = data.length === count ? "end" : "eof";
        return { reason, data, consumed: size + count };
      },
    );
  }

  #counted(
    name: string,
    run: Call["run"],
    expected: () => Counted,
  ): Call {
    return this.#call(name, {
      run,
      expected: () => {
        const { reason, data, consumed } = expected();
        const result = reason === "bad count" ? { reason } : {
          reason,
          data,
          rest: new Uint8Array(0),
          isEmpty: this.left.length === 0,
        };
        return [result, reason === "end" ? consumed : 0];
      },
    });
  }

  #call(name: string, { run, expected }: {
    run: Call["run"];
    expected: (result: unknown) => [unknown, number];
  }): Call {
    return {
      name,
      run,
      check: (result, isThrown) => {
        const where = `${name} at ${this.#position}`;
        const [value, consumed] = expected(result);
        if (typeof value === "function") {
          const error = (result as Error)?.constructor;
          assertEquals([isThrown, error], [true, value], where);
        } else {
          if (isThrown) throw result;
          assertEquals(sameKeys(result, value), value, where);
        }
        this.#position += consumed;
      },
    };
  }
}

/** The keys of `model`, with the values that `result` has for them. */
function sameKeys(result: unknown, model: unknown): unknown {
  if (typeof model !== "object" || model === null) return result;
  if (model instanceof Uint8Array) return result;
  const from = result as Record<string, unknown>;
  return Object.fromEntries(Object.keys(model).map((key) => [key, from[key]]));
}

const MARKERS = [[";"], ["\r\n", "\n"], ["aab"], ["abab", "ba"], ["aaaaa;"]];

/** Pieces of which random streams are made: each framing finds something. */
export const PIECES = [
  ...[";", "\r\n", "\n", "\r", "a", "b", "aab", "abab", "\0", "\x01", "\x03"],
  ...["3:abc,", "0:,", "5 a1234", "1 ;", "03:", "7:a", "\0\x02ab", "\x02\0ab"],
  ...["aaaaaaaa;", "12", "\xff\xff\xff\xff\xff\xff\xff\xff"],
];

/** A random stream of up to `count` pieces. */
export function randomStream(random: Random, count: number): Uint8Array {
  const pieces = Array.from(
    { length: random.int(0, count) },
    () => random.pick(PIECES),
  );
  return Uint8Array.from(pieces.join(""), (char) => char.charCodeAt(0));
}

interface End {
  index: number;
  start: number;
  end: number;
}

/** The first end of a marker, of the longest that ends there. */
function findEnd(bytes: Uint8Array, ends: string[]): End | undefined {
  for (let end = 1; end <= bytes.length; end++) {
    const found = ends.map((text, index) => ({ index, length: text.length }))
      .filter(({ index }) => endsWith(bytes.subarray(0, end), ends[index]!))
      .toSorted((a, b) => b.length - a.length)[0];
    if (found === undefined) continue;
    return { index: found.index, start: end - found.length, end };
  }
  return undefined;
}

/** How many of the last bytes may be the start of a marker. */
function pendingBytes(bytes: Uint8Array, ends: string[]): number {
  const starts = ends.flatMap((text) =>
    Array.from(text, (_, length) => text.slice(0, length))
  );
  return Math.max(
    ...starts.map((start) => endsWith(bytes, start) ? start.length : 0),
  );
}

function endsWith(bytes: Uint8Array, text: string): boolean {
  const from = bytes.length - text.length;
  return from >= 0 && utf8(text).every((byte, i) => bytes[from + i] === byte);
}

function bigOf(bytes: Uint8Array, order: "big" | "little"): bigint {
  const ordered = order === "big" ? [...bytes] : [...bytes].toReversed();
  return ordered.reduce((value, byte) => value << 8n | BigInt(byte), 0n);
}

function noCount(reason: string): Counted {
  return { reason, data: new Uint8Array(0), consumed: 0 };
}

/** A decimal count, a separator, the message, a trailer. */
function decimal(
  left: Uint8Array,
  separator: string,
  trailer: string,
  maxBytes: number,
): Counted {
  const text = String.fromCharCode(...left);
  const digits = /^\d*/.exec(text)![0];
  const count = Number(digits);
  if (/^0\d/.test(digits) || count > maxBytes) return noCount("bad count");
  if (digits === text) return noCount("eof");
  const isEmptyAllowed = trailer !== "";
  if (
    digits === "" || text[digits.length] !== separator ||
    count === 0 && !isEmptyAllowed
  ) return noCount("bad count");
  const start = digits.length + 1;
  const data = left.subarray(start, start + count);
  const consumed = start + count + trailer.length;
  if (data.length < count) return { reason: "eof", data, consumed };
  if (text.slice(start + count, consumed) === trailer) {
    return { reason: "end", data, consumed };
  }
  const isCut = start + count === text.length;
  return { reason: isCut ? "eof" : "bad count", data, consumed };
}
