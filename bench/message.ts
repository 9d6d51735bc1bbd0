/**
 * The messages that the load sends: always the same one for a size, with the
 * marker at its end and nowhere else.
 *
 * @module
 */

const MARKER = new TextEncoder().encode("SERVER WRONG MARKER");

/** Longer messages repeat their first bytes after this many. */
const PERIOD = 1_000_003;

const WORDS = ("the of and a to in he have it that for they with as not on " +
  "she at by this we you do but from or which one would all will there say " +
  "who make when can more if no man out other so what time up go about than " +
  "into could state only new year some take come these know see use get " +
  "Server WRONG MARK Error end data socket half close last word reply")
  .split(" ");

/** Pseudorandom whole numbers below 2^32 (xorshift), the same each time. */
function* numbers(): Generator<number> {
  let state = 2463534242;
  while (true) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/** Fills the array with words and lines of text. */
function fillWithText(bytes: Uint8Array): void {
  const encoder = new TextEncoder();
  const random = numbers();
  for (let length = 0; length < bytes.length;) {
    const number = random.next().value!;
    const word = WORDS[number % WORDS.length];
    const gap = number >>> 8 & 15 ? " " : ".\n";
    length += encoder.encodeInto(word + gap, bytes.subarray(length)).written;
  }
}

/** Fills the array with pseudorandom bytes. */
function fillWithBytes(bytes: Uint8Array): void {
  const random = numbers();
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.next().value! >>> 8;
}

/** A message of `size` bytes, followed by the marker. */
export function message(
  size: number,
  data: "bytes" | "text",
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size + MARKER.length);
  const body = bytes.subarray(0, size);
  const period = body.subarray(0, PERIOD);
  if (data === "text") fillWithText(period);
  else fillWithBytes(period);
  for (let filled = period.length; filled < size; filled += period.length) {
    body.set(period.subarray(0, size - filled), filled);
  }
  bytes.set(MARKER, size);
  return bytes;
}
