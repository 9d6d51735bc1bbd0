/**
 * Mistakes in what makes the client cheap: messages that are one write, and the
 * memory of large replies.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

/** Mistakes in what makes the client cheap. */
export const CLIENT_COST_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("client/pending_request.ts", ["client/pipelined_test.ts"], [
    {
      name: "a message that was aborted is written with others",
      find: "      if (next.isSkipped) continue;\n",
      replace: "",
    },
    {
      name: "a message is written before a stream that was there first",
      find: "if (onlyChunk === undefined) break;",
      replace: "if (onlyChunk === undefined) continue;",
    },
    {
      name: "messages of any size are joined",
      find: "      if (byteLength > COALESCE_BYTES) break;\n",
      replace: "",
    },
    {
      name: "a message that was written with others is written again",
      find: "      next.isTaken = true;\n",
      replace: "",
    },
  ]),
  ...mutantsIn("client/pipelined.ts", ["client/pipelined_test.ts"], [
    {
      name: "messages are joined with oneAtATime, too",
      find: "if (this.#last !== undefined && !oneAtATime)",
      replace: "if (this.#last !== undefined)",
    },
  ]),
  ...mutantsIn("client/reply_memory.ts", [
    "client/reply_memory_test.ts",
    "tests/connect_memory_test.ts",
  ], [
    {
      name: "chunks of a stream are taken from their owner",
      find: "length === LARGEST_BLOCK_BYTES && this.#large.has(buffer) &&",
      replace: "length === LARGEST_BLOCK_BYTES &&",
    },
    {
      name: "the block that is being filled is freed",
      find: " &&\n      buffer !== this.#block.buffer;",
      replace: ";",
    },
    {
      name: "a block with bytes of another reply is freed",
      find: "length === LARGEST_BLOCK_BYTES && this.#large.has(buffer)",
      replace: "length > 0 && this.#large.has(buffer)",
    },
    {
      name: "no block is freed",
      find: "this.#isFree(chunk)) (chunk",
      replace: "false) (chunk",
    },
  ]),
];
