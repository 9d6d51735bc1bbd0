/**
 * Mistakes that the simulation has to notice without any other test: bugs that
 * were fixed, and mistakes that break what a server and a client promise.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

const TESTS = ["tests/simulation/simulation_test.ts"];

const MUTANTS: readonly Mutant[] = [
  ...mutantsIn("server/transport.ts", TESTS, [
    {
      name: "no time limit holds while a reply is written",
      find: "deadline.start(writing, this.bytesOut * ticksPerByte);",
      replace: "",
    },
    {
      name: "a time limit of writing does not count the bytes written",
      find: "deadline.progress(count * ticksPerByte);",
      replace: "",
    },
  ]),
  ...mutantsIn("server/interruption.ts", TESTS, [
    {
      name: "an interruption that meets a write is lost",
      find: "if (waiter === undefined) this.#interruption = interruption;",
      replace: "if (waiter === undefined) return;",
    },
  ]),
  ...mutantsIn("server/message_session.ts", TESTS, [
    {
      name: "a message at the end of the grace ends those that came with it",
      find: "this.#mayGoOn(result); count++",
      replace:
        'this.#mayGoOn(result) && this.#reader.refusalCode === ""; count++',
    },
    {
      name: "a connection ends after five messages",
      find: "this.#mayGoOn(result); count++",
      replace: "this.#mayGoOn(result) && count < 5; count++",
    },
    {
      name: "bytes that nobody sent come between every 64 replies",
      find: "const isLongTurn = ",
      replace: `if (count % MESSAGES_PER_TURN === 0) {
        this.#transport.queue(new Uint8Array([88, 88, 88]));
      }
      const isLongTurn = `,
    },
    {
      name: "the last reply before a shutdown is given up briefly",
      find: 'return this.#reader.mayReplyBeOnItsWay() ? "silence" : "idle";',
      replace: 'return "idle";',
    },
  ]),
  ...mutantsIn("server/message_reader.ts", TESTS, [
    {
      name: "messages are counted twice",
      find: "    this.messages++;\n",
      replace: "    this.messages += 2;\n",
    },
    {
      name: "a shutdown ends idle connections at once",
      find: "    this.#isFinishing = true;\n    this.#awaitBriefly();",
      replace: `    this.#isFinishing = true;
    if (this.#isReading && this.#isIdle) {
      this.#transport.interrupt("shutting down");
    }`,
    },
  ]),
  ...mutantsIn("server/connection.ts", TESTS, [
    {
      name: "the last reply is held back for 20 s",
      find: "await transport.flush();\n      this.#buffer.finish();",
      replace: `await new Promise<void>((resolve) =>
        this.#options.clock.setTimeout(resolve, 20_000)
      );
      await transport.flush();
      this.#buffer.finish();`,
    },
    {
      name: "every reply counts as lost",
      find: "if (isUnanswered || isUnconfirmed) transport.replyLost = true;",
      replace: "transport.replyLost = true;",
    },
    {
      name: "a lost reply is not reported",
      find: "if (isUnanswered || isUnconfirmed) transport.replyLost = true;",
      replace: "",
    },
  ]),
  ...mutantsIn("server/responder.ts", TESTS, [
    {
      name: "onError is not called",
      find: `this.error = error;
      this.#options.onError(error, message, info);`,
      replace: "this.error = error;",
    },
    {
      name: "an iterable that is broken off is not ended",
      find: "iterator.return?.().catch(() => {});",
      replace: "",
    },
    {
      name: "the signal of an interrupted handler is not aborted",
      find: "abort.abort(new ErrorReply(errorCode));",
      replace: "",
    },
    {
      name: "every reply ends with the outcome of a failure",
      find: "this.outcome = code;\n  }\n}",
      replace: 'this.outcome = "failed";\n  }\n}',
    },
  ]),
  ...mutantsIn("server/deadline.ts", TESTS, [
    {
      name: "lingering takes longer in all where the server runs short",
      find: "totalTicks = Math.min(totalTicks, limits.totalTicks);",
      replace: "totalTicks = limits.totalTicks;",
    },
  ]),
  ...mutantsIn("server/phases.ts", TESTS, [
    {
      name: "a client that is slow to end is given 5 s",
      find: "const patientTicks = timer.ticksFor(lingerTimeoutMs);",
      replace: "const patientTicks = timer.ticksFor(SHORT_LINGER_MS);",
    },
  ]),
  ...mutantsIn("server/places.ts", TESTS, [
    {
      name: "half of the places are not used",
      find: "this.#taken.increment() <= this.#taken.max ||",
      replace: "this.#taken.increment() <= this.#taken.max / 2 ||",
    },
    {
      name: "a connection gives its place away as soon as it lingers",
      find: "const MIN_LINGER_MS = 1000;",
      replace: "const MIN_LINGER_MS = 0;",
    },
  ]),
  ...mutantsIn("server.ts", TESTS, [
    {
      name: "the grace is over at once",
      find: "this.#after(this.#graceMs, () => this.#endGrace());",
      replace: "this.#endGrace();",
    },
    {
      name: "a shutdown closes the listener with clients in its backlog",
      find: "    await drainBacklog({",
      replace: "    if (this.#graceMs < 0) await drainBacklog({",
    },
    {
      name: "onAcceptError is not called",
      find: "await this.#options.onAcceptError?.(error);",
      replace: "",
    },
  ]),
  ...mutantsIn("client.ts", TESTS, [
    {
      name: "connect() throws a TypeError where it is refused",
      find:
        'throw new ConversationError("refused", text, undefined, { cause });',
      replace: "throw new TypeError(text);",
    },
    {
      name: "an abort does not end sendData()",
      find: 'signal.addEventListener("abort", () => this.#transport.close());',
      replace: "",
    },
  ]),
  ...mutantsIn("client/pipelined.ts", TESTS, [
    {
      name: "close() throws",
      find: "    }\n    this.#end();",
      replace: '    }\n    throw new Error("Cannot close");',
    },
    {
      name: "an abort does not end connect()",
      find: 'signal?.addEventListener("abort", this.#onAbort);',
      replace: "",
    },
  ]),
  ...mutantsIn("framing/encode.ts", TESTS, [
    {
      name: "an iterable that is broken off gets its end marker",
      find: "      if (this.#isBrokenOff) break;\n",
      replace: "",
    },
  ]),
];

/** The mistakes that the simulation has to notice. */
export const SIMULATED_MUTANTS: readonly Mutant[] = MUTANTS.map((mutant) => ({
  ...mutant,
  isSimulated: true,
}));
