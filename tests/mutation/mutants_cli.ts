/**
 * Mistakes in `cli/`.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

/** Mistakes in the scripts. */
export const CLI_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("cli/signals.ts", [
    "cli/signals_test.ts",
    "tests/server_script_test.ts",
  ], [
    {
      name: "a signal that comes before the server is lost",
      find: "    this.#log = log;\n    this.#apply();",
      replace: "    this.#log = log;",
    },
    {
      name: "the second signal is ignored",
      find: "if (this.#count > 1) this.#server.abort();",
      replace: "",
    },
    {
      name: "the first signal aborts",
      find: "if (this.#count > 1) this.#server.abort();",
      replace: "this.#server.abort();",
    },
  ]),
  ...mutantsIn("cli/threads.ts", [
    "tests/server_script_start_test.ts",
    "tests/threads_test.ts",
  ], [
    {
      name: "a shutdown that comes before all threads have started is lost",
      find: "if (this.#isShutDown) this.shutdown();",
      replace: "",
    },
    {
      name: "the totals of the threads are not added",
      find: "        log.add(data.tally);\n",
      replace: "",
    },
  ]),
  ...mutantsIn("cli/notice.ts", ["cli/health_test.ts"], [
    {
      name: "a second signal waits for the notice again",
      find: "      announce();\n      server.abort();",
      replace: "      announce();",
    },
    {
      name: "the health port stays open during the notice",
      find: "shutdown: () => {\n      announce();",
      replace: "shutdown: () => {",
    },
  ]),
  ...mutantsIn("cli/metrics_port.ts", ["tests/metrics_test.ts"], [
    {
      name: "/readyz is 200 while the server stops",
      find: "    this.#isReady = false;\n",
      replace: "",
    },
    {
      name: "a URL that is not valid is an error of the metrics port",
      find: "URL.parse(url)?.pathname",
      replace: "new URL(url).pathname",
    },
  ]),
  ...mutantsIn("cli/metrics.ts", ["cli/metrics_test.ts"], [
    {
      name: "a code that a handler has chosen is not counted",
      find: 'PARTIAL_MESSAGE_NAME : "other"',
      replace: 'PARTIAL_MESSAGE_NAME : ""',
    },
    {
      name: "a duration that meets its bound counts as longer",
      find: "seconds <= bound",
      replace: "seconds < bound",
    },
    {
      name: "the metrics are those of the first thread",
      find: "    threads.reduce((sum, counters) => sum + counters[place]!, 0);",
      replace: "    threads[0]![place]!;",
    },
  ]),
  ...mutantsIn("cli/observed_server.ts", ["tests/server_module_test.ts"], [
    {
      name: "the callbacks of a module are not called",
      find: "      return options.onConversation?.(report);\n",
      replace: "",
    },
  ]),
  ...mutantsIn("cli/telemetry.ts", ["tests/telemetry_test.ts"], [
    {
      name: "connections that have ended are open in OpenTelemetry",
      find: "          open.add(-1);\n",
      replace: "",
    },
  ]),
  ...mutantsIn("cli/configuration.ts", ["cli/configuration_test.ts"], [
    {
      name: "the options of a module override flags",
      find: "{ ...fromModule, ...fromFlags }",
      replace: "{ ...fromFlags, ...fromModule }",
    },
    {
      name: "a flag leaves an option of the module that it excludes",
      find: "        delete left[option];\n",
      replace: "",
    },
  ]),
  ...mutantsIn("cli/server_script.ts", ["tests/server_module_test.ts"], [
    {
      name: "what a module has started keeps the process alive",
      find: "  if (module !== undefined) Deno.exit(status);\n",
      replace: "",
    },
  ]),
  ...mutantsIn("cli/log.ts", ["cli/log_test.ts", "cli/log_output_test.ts"], [
    {
      name: "a short write of the log is taken for a complete one",
      find: "unwritten.subarray(await this.#output.write(unwritten))",
      replace:
        "unwritten.subarray((await this.#output.write(unwritten), unwritten.length))",
    },
    {
      name: "lines that were dropped are reported again and again",
      find: "    this.#dropped = 0;\n",
      replace: "",
    },
    {
      name: "a batch of lines that is dropped counts as one",
      find: "this.#dropped += countLines(lines);",
      replace: "this.#dropped++;",
    },
    {
      name: "conversations are not counted with --quiet",
      find: "conversation(report: ConversationReport): void {",
      replace: "conversation(report: ConversationReport): void {\n" +
        "    if (this.#output === null) return;",
    },
  ]),
  ...mutantsIn("cli/log_lines.ts", ["cli/log_lines_test.ts"], [
    {
      name: "what a client has chosen is printed to a terminal unescaped",
      find: "`${printable(outcome)}, ${bytesIn} bytes in",
      replace: "`${outcome}, ${bytesIn} bytes in",
    },
  ]),
  ...mutantsIn("cli/tally.ts", ["cli/tally_test.ts"], [
    {
      name: "clients may add outcomes to the totals without end",
      find: "names.length < MAX_OUTCOMES ? name",
      replace: "names.length < Infinity ? name",
    },
    {
      name: "lost replies are not added up",
      find: "sum.repliesLost += more.repliesLost;",
      replace: "sum.repliesLost = more.repliesLost;",
    },
  ]),
  ...mutantsIn("cli/silence.ts", ["cli/silence_test.ts"], [
    {
      name: "a hint about silence is printed although bytes came",
      find: `this.#isWaiting = false;
    clearTimeout(this.#timer);
    if`,
      replace: `this.#isWaiting = false;
    if`,
    },
    {
      name: "the hint about silence is printed twice",
      find: "      this.#isOver = true;\n",
      replace: "",
    },
  ]),
  ...mutantsIn("cli/flags.ts", ["cli/flags_test.ts"], [
    {
      name: "a flag that follows another is taken for its value",
      find: 'next !== undefined && !next.startsWith("-")',
      replace: "next !== undefined",
    },
    {
      name: "names of Object.prototype are flags",
      find: "if (!Object.hasOwn(kinds, name)) {",
      replace: "if (!(name in kinds)) {",
    },
  ]),
  ...mutantsIn("cli/values.ts", ["cli/values_test.ts"], [
    {
      name: "the largest number of a range is refused",
      find: "number <= max",
      replace: "number < max",
    },
    {
      name: "seconds are taken for milliseconds",
      find: "return Number(text) * 1000;",
      replace: "return Number(text);",
    },
    {
      name: "bytes above 7F of a marker are written as UTF-8",
      find: "bytes.push(parseInt(hex, 16));",
      replace: "bytes.push(...encoder.encode(String.fromCharCode(\n" +
        "        parseInt(hex, 16),\n      )));",
    },
  ]),
  ...mutantsIn("cli/flag_table.ts", ["cli/flag_table_test.ts"], [
    {
      name: "flags that exclude each other are accepted",
      find: "if (excluded === undefined) return;",
      replace: "if (excluded !== undefined) return;",
    },
  ]),
  ...mutantsIn("cli/last_marker.ts", ["cli/last_marker_test.ts"], [
    {
      name: "the last byte of an input may be lost",
      find: "held.length > 0 && !equals(held, marker)",
      replace: "held.length >= marker.length && !equals(held, marker)",
    },
  ]),
  ...mutantsIn("cli/output.ts", [
    "cli/output_test.ts",
    "tests/client_script_test.ts",
  ], [
    {
      name: "a short write to standard output is taken for a complete one",
      find: "start += output.writeSync(bytes.subarray(start));",
      replace:
        "output.writeSync(bytes.subarray(start));\n      start = bytes.length;",
    },
    {
      name: "a terminal obeys the escapes of a reply",
      find: "[\\x00-\\x1f\\x7f-\\x9f",
      replace: "[\\x00-\\x1a\\x7f-\\x9f",
    },
  ]),
  ...mutantsIn("cli/printer.ts", [
    "tests/client_script_test.ts",
  ], [
    {
      name: "an error reply hides that an earlier conversation failed",
      find: "Math.max(this.status, EXIT.error)",
      replace: "EXIT.error",
    },
    {
      name: "the same hint is printed for each message",
      find: "if (hint !== undefined) this.#hints.add(hint);",
      replace: "if (hint !== undefined) printError(`hint: ${hint}`);",
    },
  ]),
  ...mutantsIn("cli/amounts.ts", [
    "cli/amounts_test.ts",
    "cli/timeline_test.ts",
  ], [
    {
      name: "a time is printed as 1000 ms",
      find: "if (ms < 999.5)",
      replace: "if (ms < 1001)",
    },
    {
      name: "a time is printed as 1 min 60 s",
      find:
        "const seconds = Math.round(ms / 1000);\n  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;",
      replace:
        "const seconds = ms / 1000;\n  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;",
    },
  ]),
  ...mutantsIn("cli/timeline.ts", ["cli/timeline_test.ts"], [
    {
      name: "the second conversation continues the totals of the first",
      find: "    this.#total = { out: 0, in: 0 };\n    this.#hasEnded",
      replace: "    this.#hasEnded",
    },
    {
      name: "bytes received are drawn before bytes sent",
      find: "received.since < out.since",
      replace: "received.since > out.since",
    },
  ]),
  ...mutantsIn("cli/json_timeline.ts", ["cli/json_timeline_test.ts"], [
    {
      name: "all conversations have the same number",
      find: "    this.#conversation++;\n",
      replace: "    this.#conversation = 1;\n",
    },
  ]),
  ...mutantsIn("cli/check_text.ts", [
    "cli/check_text_test.ts",
    "tests/check_paths_test.ts",
    "tests/check_script_test.ts",
  ], [
    {
      name: "the advice to half-close later leaves out the reply marker",
      find: 'after.finding === "kept" ? advice',
      replace: 'after.finding !== "lost" ? advice',
    },
  ]),
];
