/**
 * Mistakes in one connection of a server: reading, replying, the socket.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

/** Mistakes in one connection of a server. */
export const CONNECTION_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("server/connection.ts", [
    "server/connection_test.ts",
    "tests/keep_alive_test.ts",
    "tests/server_test.ts",
  ], [
    {
      name: "a client that was refused lingers as long as others",
      find: "const isStrict = isShort || this.#lingersBriefly;",
      replace: "const isStrict = isShort;",
    },
    {
      name: "all limits are patient where the server runs short",
      find: "const isStrict = isShort || this.#lingersBriefly;",
      replace: "const isStrict = this.#lingersBriefly;",
      tests: ["tests/patience_test.ts"],
    },
    {
      name: "the memory of the last message is kept while lingering",
      find: `await transport.flush();
      this.#buffer.finish();`,
      replace: "await transport.flush();",
      tests: ["server/connection_test.ts", "tests/server_drain_test.ts"],
    },
    {
      name: "a connection that has ended still counts as lingering",
      find: "if (entry !== undefined) lingering.delete(entry);",
      replace: "",
      tests: ["server/connection_test.ts", "tests/patience_test.ts"],
    },
    {
      name: "a reply counts as kept although no end of file arrived",
      find: 'ending !== "idle" && !transport.isEndOfFile',
      replace: "false",
    },
    {
      name: "a reply before a close in silence counts as kept at once",
      find: 'ending !== "idle" && !transport.isEndOfFile',
      replace: 'ending === "reply" && !transport.isEndOfFile',
    },
    {
      name: "a message that meets a close in silence counts as answered",
      find: 'ending !== "reply" && session.hasUnread',
      replace: "false",
    },
    {
      name: "a reply before the server aborts counts as kept",
      find: "session.hasBegun || isUnconfirmed",
      replace: "session.hasBegun",
    },
    {
      name: "a reply that is cut in its middle counts as kept",
      find: "session.hasBegun || isUnconfirmed",
      replace: "isUnconfirmed",
    },
    {
      name: "a client that stalls while lingering spoils a good outcome",
      find: "isOpen && !this.#transport.isLingering",
      replace: "isOpen",
    },
  ]),
  ...mutantsIn("server/message_session.ts", [
    "server/connection_test.ts",
    "tests/keep_alive_test.ts",
    "tests/server_test.ts",
  ], [
    {
      name: "input is not drained while the reply is written",
      isSimulated: true,
      find: "    this.#transport.drain();\n",
      replace: "",
    },
    {
      name: "nothing interrupts a handler that begins after the grace",
      find: 'if (this.#reader.refusalCode !== "") this.#interruptSoon();',
      replace: "",
    },
    {
      name: "a client that sends messages ahead keeps others waiting",
      find: "count % MESSAGES_PER_TURN === 0 &&",
      replace: "count % MESSAGES_PER_TURN < 0 &&",
      tests: ["server/connection_test.ts", "tests/attack_test.ts"],
    },
    {
      name: "an end of file between two messages gets an error reply",
      find: "if (isGoodbye || last === SILENCE) return SILENCE;",
      replace: "if (last === SILENCE) return SILENCE;",
    },
    {
      name: "a reply that was just sent counts as long arrived",
      find: 'return this.#reader.mayReplyBeOnItsWay() ? "silence" : "idle";',
      replace: 'return "idle";',
    },
    {
      name: "a reply that arrived long ago counts as on its way",
      find: 'return this.#reader.mayReplyBeOnItsWay() ? "silence" : "idle";',
      replace: 'return "silence";',
    },
  ]),
  ...mutantsIn("server/message_reader.ts", [
    "server/connection_test.ts",
    "tests/keep_alive_test.ts",
    "tests/server_test.ts",
  ], [
    {
      name: "with keep-alive, no limit holds for a complete message",
      find: `this.#isIdle = false;
      this.#deadline.start(phases.reading);`,
      replace: `this.#isIdle = false;
      this.#deadline.start(phases.idle);`,
    },
    {
      name: "no limit holds for a message whose start came with another one",
      find: `this.#isSkipping) {
      this.#deadline.start(phases.reading);`,
      replace: `this.#isSkipping) {
      this.#deadline.start(phases.idle);`,
    },
    {
      name: "every chunk of a message starts its limit again",
      find: "if (result === undefined && this.#isIdle) {",
      replace: "if (result === undefined) {",
    },
    {
      name: "the limit on reading ends a handler",
      find: `this.#isReading = this.#isIdle = false;
    this.#deadline.stop();`,
      replace: "",
    },
    {
      name: "the start of the next message is overwritten",
      find: "this.#buffer.nextMessage(this.#restBytes);",
      replace: "this.#buffer.nextMessage(0);",
    },
    {
      name: "the blocks of a message are kept until the connection ends",
      find: "this.#buffer.nextMessage(this.#restBytes);",
      replace: "",
    },
    {
      name: "an idle connection gets an error reply that nothing asked for",
      find: "return this.#isIdle && !mayAnswer ? SILENCE : chunk;",
      replace: "return chunk;",
    },
    {
      name: "the interruption of one wait ends the next one, too",
      find: "    this.#transport.forgetInterruption();\n    this.#isReading",
      replace: "    this.#isReading",
    },
  ]),
  ...mutantsIn("server/responder.ts", [
    "server/responder_test.ts",
    "tests/server_test.ts",
    "tests/message_memory_test.ts",
  ], [
    {
      name: "a reply that needs no waiting is written by itself",
      find: "count < SOON_MICROTASKS && !isSettled",
      replace: "count < 0 && !isSettled",
      tests: ["server/responder_test.ts"],
    },
    {
      name: "a message is not kept for a handler that was interrupted",
      find: "this.#buffer.holdUntil(body);",
      replace: "",
    },
    {
      name: "a message is not kept for the late stream of a handler",
      find: "this.#buffer.holdUntil(body.then((late) => this.#discard(late)));",
      replace: "",
    },
    {
      name: "a message is reused while a stream that was broken off reads it",
      find: "    this.#buffer.abandon();\n",
      replace: "",
    },
    {
      name: "earlier replies wait for a slow handler",
      find: `holdUntil(body);
      await this.#transport.flush();`,
      replace: "holdUntil(body);",
      tests: ["server/connection_test.ts", "tests/keep_alive_test.ts"],
    },
    {
      name: "an error reply is sent in the middle of a reply",
      find: "if (this.hasBegun) {",
      replace: "if (this.hasBegun && this.#transport.isClosed) {",
    },
    {
      name: "the signal of a handler is not aborted when it was interrupted",
      find: "abort.abort(new ErrorReply(errorCode));",
      replace: "",
      tests: ["server/responder_test.ts"],
    },
    {
      name: "the outcome of the message before remains",
      find: '    this.outcome = "";\n    this.error',
      replace: "    this.error",
    },
  ]),
  ...mutantsIn("server/handler.ts", [
    "server/handler_test.ts",
    "tests/server_test.ts",
  ], [
    {
      name: "bytes() returns memory that the server reuses",
      find: "return concat(this.chunks);",
      replace: "return (this.chunks.length === 1 ? this.chunks[0]! :\n" +
        "      concat(this.chunks)) as Uint8Array<ArrayBuffer>;",
    },
    {
      name: "a signal that is asked for late is not aborted",
      find: "if (this.#isAborted) this.#controller.abort(this.#reason);",
      replace: "",
    },
    {
      name: "the code of an error reply may be an outcome of the log",
      find: "|| OUTCOMES.has(code)",
      replace: "",
    },
  ]),
  ...mutantsIn("server/transport.ts", [
    "server/transport_test.ts",
    "tests/server_test.ts",
    "tests/server_drain_test.ts",
  ], [
    {
      name: "a short write is taken for a complete one",
      find: "count === unsent.length ? EMPTY : unsent.subarray(count)",
      replace: "EMPTY",
    },
    {
      name: "after a short write, some bytes are sent again",
      find: "count === unsent.length ? EMPTY : unsent.subarray(count)",
      replace:
        "unsent.subarray(count === unsent.length ? count : count >> 1 || 1)",
    },
    {
      name: "a large reply is sent before the small ones in front of it",
      find: "if (this.queued.byteLength > 0) await this.flush();",
      replace: "",
      tests: ["server/transport_test.ts", "tests/keep_alive_test.ts"],
    },
    {
      name: "progress while writing is not counted",
      find: " deadline.progress(count * ticksPerByte);",
      replace: "",
    },
    {
      name: "a slow reader earns no time",
      find: " deadline.progress(count * ticksPerByte);",
      replace: " deadline.progress(0 * ticksPerByte);",
    },
    {
      name: "a later reply does not earn the time of those before",
      find: " deadline.start(writing, this.bytesOut * ticksPerByte);",
      replace: " deadline.start(writing);",
    },
    {
      name: "progress while lingering is not counted",
      find: "if (this.#isLingering) {",
      replace: "if (this.#isLingering && this.isClosed) {",
    },
    {
      name: "a client that sends while lingering earns no time",
      find: "this.#deadline.progress(count * this.#phases.ticksPerByte);",
      replace: "this.#deadline.progress();",
    },
    {
      name: "the limit on writing goes on after the write",
      find: "      deadline.stop();\n    }\n  }",
      replace: "    }\n  }",
    },
    {
      name: "a read that fails keeps its block for ever",
      find: "      this.#buffer.endRead(0);\n",
      replace: "",
    },
    {
      name: "the connection ends while a read is pending",
      find: "      await this.#pendingRead;\n      await this.#draining;",
      replace: "      await this.#draining;",
    },
    {
      name: "a connection is closed without a half-close",
      find: "await this.#conn.closeWrite().catch(",
      replace: "await Promise.resolve().catch(",
    },
    {
      name: "a reset by a client that has closed is not looked for",
      find: "if (!isTls && !isReported) return undefined;",
      replace: "if (!isTls) return undefined;",
    },
    {
      name: "a reset is looked for, of which nobody is told",
      find: "if (!isTls && !isReported) return undefined;",
      replace: "",
    },
    {
      name: "a close serves as the end of TLS",
      find: "if (!isTls && !isReported) return undefined;",
      replace: "if (!isReported) return undefined;",
      tests: ["tests/close_notify_test.ts", "tests/tls_test.ts"],
    },
    {
      name: "the server does not linger",
      find: "    await this.#draining;\n  }\n\n  #failToEnd",
      replace: "  }\n\n  #failToEnd",
    },
    {
      name: "the deadline of lingering does not start",
      find: "this.#deadline.start(this.#phases.lingering);",
      replace: "",
    },
    {
      name: "a handler is not aborted when its client has reset",
      isSimulated: true,
      find: "      this.#dependent?.abort(reason);\n",
      replace: "",
    },
    {
      name: "bytes that are discarded are not counted",
      find: "          this.bytesIn += count;\n",
      replace: "",
    },
  ]),
];
