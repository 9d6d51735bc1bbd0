/**
 * Mistakes in conversations, and in the options of a handler.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

/** Mistakes in conversations, and in the options of a handler. */
export const CONVERSATION_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("server/conversation_session.ts", [
    "server/conversation_session_test.ts",
    "tests/converse_test.ts",
    "tests/converse_errors_test.ts",
  ], [
    {
      name: "messages that have arrived are answered long after the grace",
      find: "this.#source.refuse(new ErrorReply(this.#lastCode));",
      replace: "",
      tests: ["server/conversation_source_test.ts"],
    },
    {
      name: "what a function writes stays queued while it waits for a message",
      find: "    if (this.#isOver) throw OVER;\n    this.#flushSoon();",
      replace: "    if (this.#isOver) throw OVER;",
    },
    {
      name: "what a function writes stays queued while it works",
      find: "    this.#flushLater();\n",
      replace: "",
    },
    {
      name: "a silent client of a conversation is idle for ever",
      find: "awaitingLimits(phases, this.#isFinishing)",
      replace: "{ ...phases.idle, patientIdleTicks: Infinity }",
    },
    {
      name: "a limit of reading ends a function that does not read",
      find: "if (!isWaiting) return this.#deadline.stop();",
      replace: "if (!isWaiting) return;",
    },
    {
      name: "no limit holds for a call that has its first byte",
      find: "this.#deadline.start(this.#options.phases.reading);",
      replace: "this.#deadline.start(this.#options.phases.idle);",
    },
    {
      name: "an error reply follows a reply that was not asked for",
      find: "this.#wasIdle && code === this.#lastCode",
      replace: "false",
    },
    {
      name: "a function that does not read outlasts the grace",
      find: "    if (!this.#isWriting) {\n      return this.#ended",
      replace: "    if (this.#isOver) {\n      return this.#ended",
    },
    {
      name: "writes of a conversation overtake each other",
      find: "      await before;\n",
      replace: "",
    },
    {
      name: "a stream is not broken off when the client is gone",
      find: "        this.#ended.reject(reason);\n        this.#breakOff();",
      replace: "        this.#ended.reject(reason);",
    },
    {
      name: "a conversation that is over can be written to",
      find: "        throw OVER;\n",
      replace: "",
    },
    {
      name: "a read that the function leaves pending never ends",
      find: "    this.#transport.endWait(OVER);\n",
      replace: "",
    },
    {
      name: "an abort fails with what an iterable throws that is broken off",
      find: "(async () => await iterator.return?.())().catch(() => {});",
      replace: "Promise.resolve(iterator.return?.()).catch(() => {});",
    },
    {
      name: "a function that writes on after the end stops the event loop",
      find: "        await pauseStuckCall(this.#options.clock);\n",
      replace: "",
    },
    {
      name: "a call that a function leaves behind ends the limit of lingering",
      find: "    this.#isWaiting = false;\n    this.#deadline.stop();",
      replace: "    this.#deadline.stop();",
    },
    {
      name: "a write that nobody waits for is dropped at the end",
      find: "    await this.#transport.waitFor(this.#writes);\n",
      replace: "",
    },
  ]),
  ...mutantsIn("server/conversation_source.ts", [
    "server/conversation_source_test.ts",
  ], [
    {
      name: "a function that reads on after the end stops the event loop",
      find: "    await pauseStuckCall(this.#clock);\n",
      replace: "",
    },
    {
      name: "a function that reads small messages is slowed down",
      find: "  onChunk(): void {\n    this.#stuckCalls = 0;",
      replace: "  onChunk(): void {",
    },
  ]),
  ...mutantsIn("framing/read_methods.ts", [
    "server/conversation_session_test.ts",
  ], [
    {
      name: "a call of a conversation that nobody waits for ends the process",
      find: "if (this.#mayBeLeft) call.catch(() => {});",
      replace: "",
    },
  ]),
  ...mutantsIn("framing/block_queue.ts", ["framing/block_queue_test.ts"], [
    {
      name: "a block is released while a conversation reads into it",
      find: "if (isLast && this.#isReading) break;",
      replace: "",
    },
    {
      name: "a conversation keeps its blocks until it ends",
      find: "    this.#releaseConsumed();\n  }\n\n  /** Releases all",
      replace: "  }\n\n  /** Releases all",
    },
    {
      name: "a silent client keeps a large block",
      find: ": SMALLEST_BLOCK_BYTES;",
      replace: ": bytes.length;",
    },
    {
      name: "the block of a read that ends late is never released",
      find: "if (this.#isFinished) this.#releaseAll();\n    else ",
      replace: "",
    },
  ]),
  ...mutantsIn("server/message_session.ts", [
    "server/skipped_message_test.ts",
    "tests/handler_options_test.ts",
  ], [
    {
      name: "a greeting is not sent",
      find: "if (greeting.length === 0) return",
      replace: "if (greeting.length < 1e6) return",
    },
    {
      name:
        "the connection goes on after the reply that a handler made the last",
      find: "if (this.#responder.isLast) return ANSWERED;",
      replace: "",
    },
    {
      name: "a message that is too large is not skipped",
      find: 'result.reason === "limit" && this.#options.skipsTooLarge',
      replace: "false",
    },
    {
      name: "an end of file after the reply counts as the client's leaving",
      find: "    this.#transport.isEndOfFileCancel = false;\n",
      replace: "",
    },
  ]),
  ...mutantsIn("server/message_reader.ts", [
    "server/skipped_message_test.ts",
    "tests/handler_options_test.ts",
  ], [
    {
      name: "the blocks of a message that is skipped are kept",
      find: "    this.#buffer.nextMessage(unread.length);\n",
      replace: "",
    },
    {
      name:
        "a message that is skipped and never ends gets a second error reply",
      find: "if (this.#isSkipping) return SILENCE;",
      replace: "",
    },
  ]),
  ...mutantsIn("framing/start_marker.ts", ["framing/start_marker_test.ts"], [
    {
      name: "only the first message needs its start",
      find: "if (result !== undefined && isOver) this.#startAfresh();",
      replace: "",
    },
    {
      name: "a start that is cut is refused",
      find: "    this.#matched = 0;\n    this.#isSkipping",
      replace: "    this.#matched = 1;\n    this.#isSkipping",
    },
    {
      name: "a message that is only a start counts as none",
      find: "const isEmpty = this.#matched === 0 || this.#isSkipping;",
      replace: "const isEmpty = byteLength === 0;",
    },
  ]),
];
