/**
 * The flags of client.ts.
 *
 * @module
 */
import type { SendOptions } from "../client/options.ts";
import {
  CLIENT_MARKER,
  DEFAULT_HOSTNAME,
  DEFAULT_PORT,
  SERVER_MARKER,
} from "../framing/defaults.ts";
import {
  type Flag,
  type FlagOptions,
  type FlagTable,
  optionalFlag,
  switchFlag,
  valueFlag,
  valuesFlag,
} from "./flag_table.ts";
import {
  anyText,
  choice,
  parseMarker,
  parseSeconds,
  parseSize,
  parseTrace,
  readTextFile,
  someText,
  wholeNumber,
} from "./values.ts";

/** Longest reply of the script: longer than `sendData()` accepts by default. */
export const DEFAULT_MAX_REPLY_BYTES = 1024 ** 3;

/** The flags of client.ts. */
export const CLIENT_FLAGS = {
  "data": valuesFlag("TEXT", anyText, {
    help: "message to send; repeatable: each message has a connection of its " +
      "own, or, with --keep-alive, all share one",
    excludes: ["file"],
  }),
  "file": valueFlag("PATH", anyText, {
    help: "send the bytes of a file",
    default:
      "standard input, if there is no --data, and it is not a terminal or " +
      "there is --keep-alive",
  }),
  "hostname": valueFlag("NAME", someText, {
    help: "address of the server",
    default: DEFAULT_HOSTNAME,
    option: "hostname",
  }),
  "port": valueFlag("PORT", wholeNumber(1, 65535), {
    help: "port of the server",
    default: `${DEFAULT_PORT}`,
    option: "port",
  }),
  "unix": valueFlag("PATH", someText, {
    help: "connect to a Unix socket instead of a port",
    option: "path",
    excludes: ["tls", "hostname", "port"],
  }),
  "tls": switchFlag({ help: "speak TLS", option: "tls" }),
  "ca": valueFlag("PATH", (name, path) => [readTextFile(name, path)], {
    help: "file of further certificate authorities to trust, in PEM",
    option: "caCerts",
    needs: ["tls"],
  }),
  "marker": valueFlag("MARKER", parseMarker, {
    help: "end marker of the message",
    default: `${CLIENT_MARKER}; with --check, ${SERVER_MARKER}`,
    option: "end",
  }),
  "reply-marker": valueFlag("MARKER", parseMarker, {
    help:
      "end marker of the reply; without one, the reply ends at the end of " +
      "file, and a truncated reply may look complete",
    default: "none; with --keep-alive, the --marker",
    option: "replyEnd",
  }),
  "framing": valueFlag("end|count", choice("end", "count"), {
    help: "how messages and replies are framed: by end markers, or by a " +
      "byte count before each (netstrings)",
    default: "end",
    option: "framing",
    excludes: ["marker", "reply-marker"],
    excludesWhen: {
      clause: "if the value is `count`",
      holds: (framing) => framing === "count",
    },
  }),
  "end-of-file": switchFlag({
    help: "send no end marker: the half-close ends the message, as with nc -N",
    excludes: ["marker", "framing", "keep-alive", "half-close"],
  }),
  "keep-alive": switchFlag({
    help: "send all messages on one connection; standard input is split at " +
      "the --marker, and on a terminal each line is a message",
    excludes: ["half-close"],
  }),
  "half-close": valueFlag("before|after", choice("before", "after"), {
    help: "half-close before or after the reply",
    default: "before",
    option: "halfClose",
  }),
  "timeout": valueFlag("SECONDS", parseSeconds, {
    help: "longest time for the complete conversation; with --check, longest " +
      "time without a byte",
    default: "0; with --check, 10",
    option: "timeout",
  }),
  "max-bytes": valueFlag("SIZE", parseSize, {
    help: "longest reply",
    default: "1GiB",
    option: "maxReplyBytes",
  }),
  "trace": optionalFlag("[json|svg|html|FILE]", parseTrace, "text", {
    help: "draw a time line of the conversation on standard error, or write " +
      "each step as a line of JSON, or a picture to trace.svg, trace.html or " +
      "a FILE with such an ending; standard output has the reply alone",
  }),
  "check": switchFlag({
    help: "test, with a few conversations, what the path to the server does " +
      "to a half-close",
    excludes: [
      "data",
      "file",
      "framing",
      "end-of-file",
      "keep-alive",
      "half-close",
      "max-bytes",
      "trace",
    ],
  }),
  "pause": valueFlag("SECONDS", parseSeconds, {
    help: "time for which the slow reader of --check stops reading",
    default: "3",
    needs: ["check"],
  }),
  "quiet": switchFlag({
    help: "print exactly the bytes of the reply; with --check, the verdict " +
      "alone",
  }),
  "help": switchFlag({ help: "print this text" }),
  "version": switchFlag({ help: "print the version" }),
} as const satisfies
  & FlagTable
  & Record<string, Flag<unknown, keyof SendOptions>>;

/** Options of the library that the flags of client.ts set. */
export type ClientFlagOptions = FlagOptions<typeof CLIENT_FLAGS>;
