/**
 * Mistakes in `client.ts`, `client/` and `check/`.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

/** Mistakes in the client and in the path check. */
export const CLIENT_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("client.ts", [
    "tests/client_test.ts",
    "tests/client_errors_test.ts",
  ], [
    {
      name: "the client half-closes before the reply, whatever it was asked",
      find: 'this.#send(message, halfClose === "before")',
      replace: 'this.#send(message, halfClose !== "after" || !this.#isSent)',
    },
    {
      name: "the client ends at a failed write, although a reply may wait",
      find:
        "return; // reading reports how the connection ended\n      }\n    }\n    this.#isSent",
      replace:
        "return this.#transport.close();\n      }\n    }\n    this.#isSent",
    },
    {
      name: "the stream of a message stays open after a refused connection",
      find: "  } finally {\n    message.cancel();\n",
      replace: "  } finally {\n",
    },
    {
      name: "the bytes that came before a time-out are lost",
      find: "limit.reasonOf(error, client.received())",
      replace: "limit.reasonOf(error)",
    },
  ]),
  ...mutantsIn("client/time_limit.ts", ["tests/client_errors_test.ts"], [
    {
      name: "a timeout of 0 passes at once",
      find: "timeout > 0 && timeout <= LONGEST_TIMER_MS",
      replace: "timeout >= 0 && timeout <= LONGEST_TIMER_MS",
    },
    {
      name: "a timeout beyond the longest timer passes at once",
      find: "timeout > 0 && timeout <= LONGEST_TIMER_MS",
      replace: "timeout > 0",
    },
  ]),
  ...mutantsIn("client/pipelined.ts", ["tests/connect_test.ts"], [
    {
      name: "a message is sent in the middle of another one",
      find: "this.#writing = sending.catch(() => {});",
      replace: "",
    },
    {
      name: "close() does not wait for the replies",
      find: "if (this.#waiting > 0) {",
      replace: "if (this.#waiting > 1000) {",
    },
    {
      name: "close() waits for replies to aborted requests",
      find: "if (this.#expected === 0) {",
      replace: "await this.#reading;\n    if (this.#expected === 0) {",
      tests: ["tests/client_requests_test.ts"],
    },
    {
      name: "a message follows one that is not complete",
      find: "        if (this.#sendFailure !== undefined) return;\n",
      replace: "",
    },
    {
      name: "a message follows one whose reply came before its end",
      find: "        if (request.isReplied) {",
      replace: "        if (request.isReplied && request.isSent) {",
    },
    {
      name: "requests that were answered still count as outstanding",
      find: "if (--this.#expected === 0) this.#watchIdle();",
      replace: "if (this.#expected === 0) this.#watchIdle();",
      tests: ["tests/connect_test.ts", "tests/marker_in_data_test.ts"],
    },
    {
      name: "bytes that no request asked for are taken for the next reply",
      find: "    } else if (bytes === null) {",
      replace:
        "    } else if (bytes?.length) {\n    } else if (bytes === null) {",
      tests: ["tests/connect_test.ts", "tests/marker_in_data_test.ts"],
    },
    {
      name: "a request is sent ahead, although one at a time was asked for",
      find: "Promise.all([this.#writing, this.#reading])",
      replace: "this.#writing",
      tests: ["tests/client_requests_test.ts"],
    },
    {
      name: "a stream is sent on after its request was aborted",
      find: "      request.cancel();\n",
      replace: "",
      tests: ["tests/client_requests_test.ts"],
    },
    {
      name: "a reply is read for a request that was not sent",
      find: "if (message.request.isSkipped) return undefined as Result;",
      replace: "",
      tests: ["tests/client_requests_test.ts"],
    },
    {
      name: "a request whose signal has aborted is sent",
      find: "      signal?.throwIfAborted();\n",
      replace: "",
      tests: ["tests/client_requests_test.ts"],
    },
    {
      name: "a greeting has no time limit",
      find: 'signal.addEventListener("abort", stop);',
      replace: "",
      tests: ["tests/client_protocols_test.ts"],
    },
  ]),
  ...mutantsIn("client/pending_request.ts", ["tests/client_requests_test.ts"], [
    {
      name: "a message of bytes is broken off",
      find: "&& !this.isSent && !this.message.isComplete",
      replace: "&& !this.isSent",
    },
    {
      name: "a request that waits for its turn is sent after its abort",
      find: "if (this.#hasBegun || this.#isAborted) return;",
      replace: "if (this.#hasBegun) return;",
    },
  ]),
  ...mutantsIn("client/reply_source.ts", [
    "tests/client_protocols_test.ts",
    "tests/client_streams_test.ts",
  ], [
    {
      name: "a call that a reader function leaves behind takes the next reply",
      find: "    this.#source.checkIdle();\n",
      replace: "",
    },
    {
      name: "a reader function is called at the end of file",
      find: "    await this.#first(this.#framing.decoder(0));\n",
      replace: "",
    },
    {
      name: "a streamed reply takes the start of the next one",
      find: "this.#source.take(chunk.length - restBytes);",
      replace: "this.#source.take(chunk.length);",
    },
  ]),
  ...mutantsIn("client/reply_stream.ts", ["tests/client_streams_test.ts"], [
    {
      name: "a streamed reply is read before it is asked for",
      find: "      this.#demand = Promise.withResolvers();\n",
      replace: "",
    },
    {
      name: "a streamed reply that is broken off stops the connection",
      find: "this.#isOver = true;\n    this.#demand.resolve();",
      replace: "this.#isOver = true;",
    },
  ]),
  ...mutantsIn("client/transport.ts", [
    "client/transport_test.ts",
    "tests/client_test.ts",
    "tests/connect_test.ts",
    "tests/client_errors_test.ts",
  ], [
    {
      name: "a short write of the client is taken for a complete one",
      find: "start += byteLength;",
      replace: "start = chunk.length;",
    },
    {
      name: "an end of file after a reset counts as the server's",
      find: "if (this.wasReset) {",
      replace: "if (this.wasReset && this.#isClosed) {",
    },
    {
      name: "steps are reported after the close",
      find: 'if (this.#isClosed && event.type !== "closed") return;',
      replace: "",
    },
    {
      name: "the timer of TCP keep-alive outlives the connection",
      find: "clearTimeout(this.#keepAliveTimer);",
      replace: "clearTimeout(undefined);",
    },
  ]),
  ...mutantsIn("client/reply.ts", [
    "client/reply_test.ts",
    "tests/client_errors_test.ts",
  ], [
    {
      name: "a reply that only begins like an error is taken for one",
      find: "{1,200})!$/",
      replace: "{1,200})!/",
    },
    {
      name: "a reply that only ends like an error is taken for one",
      find: "/^ERROR:(",
      replace: "/ERROR:(",
    },
    {
      name: "a large reply is never an error reply, and a small one neither",
      find: "data.length <= MAX_ERROR_REPLY_BYTES",
      replace: "data.length > MAX_ERROR_REPLY_BYTES",
    },
    {
      name: "an error code of more than 200 bytes in UTF-8 is not recognised",
      find: "MAX_ERROR_REPLY_BYTES = 1000",
      replace: "MAX_ERROR_REPLY_BYTES = 207",
    },
    {
      name: "a truncated reply is reported as none",
      find: "if (isEmpty) {",
      replace: "if (isEmpty || decoded.count === null) {",
    },
  ]),
  ...mutantsIn("client/address.ts", ["client/address_test.ts"], [
    {
      name: "an IPv6 address is written without brackets",
      find: "? `[${hostname}]:${port}`",
      replace: "? `${hostname}:${port}`",
    },
  ]),
  ...mutantsIn("client/options.ts", [
    "client/options_test.ts",
    "tests/client_errors_test.ts",
  ], [
    {
      name: "the largest reply of a server is too large for a client",
      find: "maxReplyBytes = 2 * DEFAULT_MAX_BYTES",
      replace: "maxReplyBytes = DEFAULT_MAX_BYTES",
    },
  ]),
  ...mutantsIn("check/finding.ts", [
    "check/finding_test.ts",
    "tests/check_paths_test.ts",
  ], [
    {
      name: "a truncated reply counts as kept",
      find: "data.length < expected.length &&",
      replace: "data.length > expected.length &&",
    },
    {
      name: "a reply that ends in silence counts as complete",
      find: 'if (ending === "silence") return "end of file";',
      replace: "",
    },
    {
      name: "a server that answers differently counts as a loss",
      find:
        "data.length < expected.length &&\n    equals(data, expected.subarray(0, data.length))",
      replace: "data.length < expected.length && equals(data, data)",
    },
  ]),
  ...mutantsIn("check/obstacle.ts", [
    "check/obstacle_test.ts",
    "tests/check_servers_test.ts",
  ], [
    {
      name: "a busy server counts as a path without replies",
      find: 'BUSY_ERRORS = ["busy", "shutting down"]',
      replace: 'BUSY_ERRORS = ["shutting down"]',
    },
    {
      name: "any binary reply of seven bytes counts as a TLS alert",
      find: "data[0] === 21 && data[1] === 3",
      replace: "data[0] !== 3",
    },
  ]),
  ...mutantsIn("check/report.ts", [
    "check/report_test.ts",
    "tests/check_paths_test.ts",
  ], [
    {
      name:
        "a time limit is reported as a half-close that is taken for a close",
      find: '=== "half-close" && isTimed ?',
      replace: '=== "half-close" && !isTimed ?',
    },
    {
      name: "the same loss is reported twice",
      find: "return [...new Set(losses)];",
      replace: "return losses;",
    },
    {
      name: "a pause is reported that was not made",
      find: 'slowReader === "unknown" ? 0 : pauseMs',
      replace: 'slowReader === "lost" ? 0 : pauseMs',
    },
  ]),
  ...mutantsIn("check/conversations.ts", [
    "tests/check_paths_test.ts",
    "tests/check_servers_test.ts",
    "tests/check_script_silence_test.ts",
  ], [
    {
      name: "a message is made of the bytes of the reply marker",
      find: "this.#filler = byteOutside(end, replyEnd);",
      replace: "this.#filler = byteOutside(end);",
      tests: ["tests/check_servers_test.ts"],
    },
    {
      name: "a small conversation is run once, although a quick one may hide",
      find: "repetition === REPETITIONS",
      replace: "repetition >= 1",
    },
    {
      name: "one silent conversation counts as a loss",
      find: "if (!isSilent) return first;",
      replace: "return first;",
    },
  ]),
  ...mutantsIn("check/probe.ts", [
    "check/probe_test.ts",
    "tests/check_servers_test.ts",
  ], [
    {
      name: "a check waits a limited time, even while bytes move",
      find: "      silence.restart();\n",
      replace: "",
    },
    {
      name: "the pause of the slow reader counts as silence",
      find: "      silence.restart(pause);\n",
      replace: "",
    },
    {
      name: "the slow reader pauses before each read",
      find: "reads++ !== 1",
      replace: "reads++ < 1",
    },
  ]),
  ...mutantsIn("check/upload.ts", [
    "check/upload_test.ts",
    "tests/check_servers_test.ts",
  ], [
    {
      name: "an upload that was refused counts as complete",
      find: "this.isComplete = isLate ||",
      replace: "this.isComplete = isLate || byteLength > 0 ||",
    },
  ]),
];
