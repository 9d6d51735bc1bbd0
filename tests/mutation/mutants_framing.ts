/**
 * Mistakes in `framing/`, but for the search, and `recv_end.ts`.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

/** Mistakes in `framing/`, but for the search, and `recv_end.ts`. */
export const FRAMING_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("framing/read_buffer.ts", ["framing/read_buffer_test.ts"], [
    {
      name: "a block is released while a read into it is pending",
      find: "if (!this.#isReading) this.#freeBlock();",
      replace: "this.#freeBlock();",
    },
    {
      name: "a block is released while a read into its start is pending",
      find: "if (!this.#isReading) this.#freeBlock();",
      replace:
        "if (!this.#isReading || this.#filledBytes === 0) this.#freeBlock();",
    },
    {
      name:
        "a block is released at a message's end although a handler reads it",
      find: "if (this.#holds > 0) this.#isAbandoned = true;",
      replace: "",
    },
    {
      name: "one of two holds is enough to release the blocks",
      find: "this.#holds--;",
      replace: "this.#holds = 0;",
    },
    {
      name: "a block is released although the next message starts in it",
      find: "if (restBytes === 0) this.#freeBlock();",
      replace: "this.#freeBlock();",
    },
    {
      name: "the second message of a connection starts in a large block",
      find: `this.#messageBytes = restBytes;
    this.#nextBlockBytes = SMALLEST_BLOCK_BYTES;`,
      replace: "this.#messageBytes = restBytes;",
    },
    {
      name: "the second message gets no block above the smallest",
      find: "this.#usefulBytes = this.#maxUsefulBytes;\n    this.#held",
      replace: "this.#held",
    },
    {
      name: "bytes that a message has leased count for the next one, too",
      find: "    this.#heldBytes = 0;\n",
      replace: "",
    },
    {
      name: "after one broken reply, no block is reused",
      find: "    this.#isAbandoned = false;\n",
      replace: "",
    },
  ]),
  ...mutantsIn("framing/chunk_reader.ts", ["framing/reader_release_test.ts"], [
    {
      name: "a stream is not released while a read is pending",
      find: "canAbandonRead: true,",
      replace: "canAbandonRead: false,",
    },
  ]),
  ...mutantsIn("framing/end_marker.ts", [
    "recv_end_test.ts",
    "framing/encode_test.ts",
    "tests/keep_alive_test.ts",
  ], [
    {
      name: "a message of exactly maxBytes is too large",
      find: "counted > this.#maxBytes",
      replace: "counted >= this.#maxBytes",
    },
    {
      name: "bytes that may be the start of the marker count",
      find: "this.#byteLength - this.#scanner.partialMatch",
      replace: "this.#byteLength",
    },
    {
      name: "maxBytes is ignored where the marker has arrived",
      find: "if (byteLength > this.#maxBytes) {",
      replace: "if (byteLength > 2 * this.#maxBytes + 64) {",
    },
    {
      name: "maxBytes counts the messages of a connection together",
      find: `this.#byteLength = 0;
    } else {`,
      replace: `this.#byteLength += offset;
    } else {`,
    },
    {
      name: "an empty message shares its list of chunks with the next one",
      find: "[chunk.subarray(from, end)] : [];",
      replace: "[chunk.subarray(from, end)] : chunks;",
      tests: ["framing/end_marker_test.ts"],
    },
    {
      name: "a part of a message has the start of its marker",
      find: "splitLast(part, this.#scanner.partialMatch)",
      replace: "splitLast(part, 0)",
      tests: ["framing/end_marker_test.ts"],
    },
    {
      name: "the marker remains in a message that arrives in parts",
      find: "dropLast(chunks, markerLength);",
      replace: "if (this.#byteLength === 0) dropLast(chunks, markerLength);",
    },
    {
      name: "a marker that the data and the trailer form is sent",
      find: "isLast ? offset !== bytes.length : offset >= 0",
      replace: "isLast ? offset < 0 : offset >= 0",
    },
  ]),
  ...mutantsIn("framing/decimal_count.ts", ["framing/netstring_test.ts"], [
    {
      name: "a count with leading zeros is accepted",
      find: "|| isLeadingZero) return false",
      replace: "|| (isLeadingZero && byte === ZERO)) return false",
    },
    {
      name: "a netstring of exactly maxBytes is refused",
      find: "this.#count <= this.#maxBytes",
      replace: "this.#count < this.#maxBytes",
    },
    {
      name: "the second netstring of a connection has the count of the first",
      find: "    this.#hasCount = false;\n",
      replace: "",
      tests: ["framing/netstring_test.ts", "tests/framing_test.ts"],
    },
  ]),
  ...mutantsIn("framing/end_of_file.ts", [
    "framing/end_of_file_test.ts",
    "tests/client_errors_test.ts",
  ], [
    {
      name: "a reply of exactly maxReplyBytes is too large",
      find: "return this.#byteLength > this.#maxBytes",
      replace: "return this.#byteLength >= this.#maxBytes",
    },
    {
      name: "an end of file without a byte is an empty reply",
      find: 'this.#byteLength > 0 ? "end" : "eof"',
      replace: 'this.#byteLength >= 0 ? "end" : "eof"',
    },
  ]),
  ...mutantsIn("framing/chunk_reader.ts", [
    "framing/chunk_reader_test.ts",
    "recv_end_test.ts",
  ], [
    {
      name: "a reader may claim more bytes than the buffer has",
      find: "count > 0 && count <= free.length",
      replace: "count > 0",
    },
    {
      name: "an empty chunk is passed on",
      find: "if (value.length > 0) return value;",
      replace: "if (value.length >= 0) return value;",
    },
    {
      name: "a stream stays locked after reading",
      find: "[Symbol.dispose]: () => reader.releaseLock()",
      replace: "[Symbol.dispose]: () => {}",
    },
  ]),
  ...mutantsIn("framing/encode.ts", ["framing/encode_test.ts"], [
    {
      name: "a large chunk is sent before the small ones in front of it",
      find: "chunk.length > COALESCE_BYTES && smallBytes > 0",
      replace: "chunk.length > COALESCE_BYTES && smallBytes > 0 &&\n" +
        "      chunk.length <= COALESCE_BYTES",
    },
    {
      name: "small chunks are sent again after a large one",
      find: "      small = [];\n",
      replace: "",
    },
    {
      name: "a stream that is cancelled gets its end marker",
      find: "      if (this.#isBrokenOff) break;\n",
      replace: "",
      tests: ["framing/outgoing_test.ts"],
    },
    {
      name: "a stream that is broken off does not reach its source",
      find: "await this.#source.return?.();",
      replace: "await Promise.resolve();",
      tests: ["framing/encode_test.ts", "tests/message_memory_test.ts"],
    },
  ]),
  ...mutantsIn("framing/small_chunks.ts", ["framing/small_chunks_test.ts"], [
    {
      name: "a small chunk begins in the one before it",
      find: "this.#usedBytes += bytes.length;",
      replace: "this.#usedBytes += Math.min(bytes.length, 700);",
    },
    {
      name: "letters beyond ASCII are cut to a byte",
      find: "if (codeUnit > LAST_ASCII) break;",
      replace: "if (codeUnit > 255) break;",
    },
    {
      name: "small chunks are written past the end of their buffer",
      find: "this.#reserve(mostBytes + trailer.length);",
      replace: "this.#reserve(mostBytes / 3);",
    },
  ]),
  ...mutantsIn("framing/received.ts", [
    "framing/received_test.ts",
    "recv_end_test.ts",
  ], [
    {
      name: "chunks are joined over a gap",
      find: "last.byteOffset + last.length === chunk.byteOffset",
      replace: "last.byteOffset + last.length <= chunk.byteOffset",
    },
    {
      name: "chunks of two blocks of memory are joined",
      find: "last?.buffer === chunk.buffer &&",
      replace: "last !== undefined &&",
    },
    {
      name: "a marker of more than one chunk is not removed completely",
      find: "byteCount -= last.length;",
      replace: "byteCount -= last.length + 1;",
    },
    {
      name: "the error reply of a truncated netstring swaps its numbers",
      find: "got ${byteLength} of ${count} bytes",
      replace: "got ${count} of ${byteLength} bytes",
      tests: ["framing/received_test.ts", "tests/framing_test.ts"],
    },
  ]),
  ...mutantsIn("framing/outgoing.ts", [
    "framing/outgoing_test.ts",
    "tests/client_test.ts",
  ], [
    {
      name: "the stream of a message that is refused is not cancelled",
      find: "this.#reader.cancel().catch(() => {});",
      replace: "",
    },
    {
      name: "the size of a streamed message is that of its last chunk",
      find: "this.byteLength += value.length;",
      replace: "this.byteLength = value.length;",
    },
  ]),
  ...mutantsIn("framing/max_bytes.ts", ["recv_end_test.ts"], [
    {
      name: "maxBytes of 0 is refused",
      find: "maxBytes >= 0",
      replace: "maxBytes > 0",
    },
  ]),
  ...mutantsIn("recv_end.ts", ["recv_end_test.ts", "tests/framing_test.ts"], [
    {
      name: "messages() goes on after a message that is too large",
      find: "    if (!received.gotEnd) return;\n",
      replace: "",
    },
    {
      name: "messages() yields an empty message at the end of file",
      find: "if (!last.isEmpty) yield last;",
      replace: "yield last;",
    },
    {
      name: "messages() ignores bytes that were read before",
      find: `  using chunks = openChunks(source, buffer);
  let chunk = initial.length > 0 ? initial : await chunks.next();
  while (chunk !== null) {
    const received = decoder.push(chunk);
    if (received === undefined) {`,
      replace: `  using chunks = openChunks(source, buffer);
  let chunk = initial.length < 0 ? initial : await chunks.next();
  while (chunk !== null) {
    const received = decoder.push(chunk);
    if (received === undefined) {`,
    },
  ]),
];
