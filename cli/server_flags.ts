/**
 * The flags of server.ts.
 *
 * @module
 */
import {
  DEFAULT_HOSTNAME,
  DEFAULT_PORT,
  SERVER_MARKER,
} from "../framing/defaults.ts";
import type { AnyServeOptions } from "../server/serve_options.ts";
import {
  type Flag,
  type FlagTable,
  optionalFlag,
  switchFlag,
  valueFlag,
  valuesFlag,
} from "./flag_table.ts";
import {
  choice,
  parseMarker,
  parseSeconds,
  parseSize,
  readFileAt,
  sizeAtLeast,
  someText,
  wholeNumber,
} from "./values.ts";

/** How long the server goes on after its health port has closed, in ms. */
export const DEFAULT_NOTICE_MS = 2000;

/** The flags of server.ts. */
export const SERVER_FLAGS = {
  "hostname": valueFlag("NAME", someText, {
    help: "address to listen on",
    default: DEFAULT_HOSTNAME,
    option: "hostname",
    excludes: ["unix", "systemd-socket"],
    excludesWhen: {
      clause: "unless --health-port or --metrics-port is given",
      // These ports are on this address, wherever the server itself is.
      holds: (_hostname, given) =>
        given["health-port"] === undefined &&
        given["metrics-port"] === undefined,
    },
  }),
  "port": valueFlag("PORT", wholeNumber(0, 65535), {
    help: "port to listen on; 0 takes a free port, which is printed",
    default: `${DEFAULT_PORT}`,
    option: "port",
    excludes: ["unix"],
  }),
  "unix": valueFlag("PATH", someText, {
    help: "listen on a Unix socket instead of a port",
    option: "path",
    excludes: ["cert"],
  }),
  "systemd-socket": optionalFlag("NAME", someText, "", {
    help: "listen on the socket that systemd passes (socket activation), or " +
      "on the one of this name; with --parallel, one for each thread",
    excludes: ["port", "unix"],
    isInstead: true,
  }),
  "cert": valuesFlag("PATH", readFileAt, {
    help: "speak TLS: the file of the certificate chain, in PEM; repeatable: " +
      "a client gets the one for the name that it asks for (SNI), or the first",
    needs: ["key"],
  }),
  "key": valuesFlag("PATH", readFileAt, {
    help: "the file of the certificate's private key, in PEM; one for each " +
      "--cert, in the same order",
    needs: ["cert"],
  }),
  "client-ca": valueFlag("PATH", readFileAt, {
    help: "the file of certificate authorities, in PEM: a client needs a " +
      "certificate of one of them",
    needs: ["cert"],
  }),
  "client-cert": valueFlag(
    "required|requested",
    choice("required", "requested"),
    {
      help: "whether a client without a certificate is refused",
      default: "required",
      needs: ["client-ca"],
    },
  ),
  "alpn": valuesFlag("PROTOCOL", someText, {
    help: "application protocol that a client may ask for (ALPN); " +
      "repeatable, the best first; a client that asks only for others is " +
      "refused",
    needs: ["cert"],
  }),
  "reload-cert": switchFlag({
    help: "read the files of certificates and keys again at SIGHUP, and when " +
      "they change; always on with --client-ca, --alpn, --proxy-from or " +
      "several --cert",
    needs: ["cert"],
  }),
  "marker": valuesFlag("MARKER", parseMarker, {
    help: "end marker of a message; repeatable: the earliest match ends " +
      "the message",
    default: SERVER_MARKER,
    option: "end",
  }),
  "reply-marker": valueFlag("MARKER", parseMarker, {
    help: "end marker of a reply or an error reply",
    default: "none; with --keep-alive, the first --marker",
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
  "keep-alive": switchFlag({
    help: "accept more than one message on a connection",
    option: "keepAlive",
  }),
  "max-bytes": valueFlag("SIZE", parseSize, {
    help: "longest message, without its marker",
    default: "64MiB",
    option: "maxBytes",
  }),
  "max-buffered": valueFlag("SIZE", sizeAtLeast(64 * 1024), {
    help: "memory for all messages together",
    default: "1GiB",
    option: "maxBufferedBytes",
  }),
  "max-connections": valueFlag("COUNT", wholeNumber(1, 1e9), {
    help: "connections served at a time",
    default: "10000",
    option: "maxConnections",
  }),
  "max-per-address": valueFlag("COUNT", wholeNumber(1, 1e9), {
    help: "connections of one client address at a time, of IPv6 of one /64; " +
      "one more gets ERROR:busy!",
    default: "no limit",
    option: "maxPerAddress",
  }),
  "allow": valuesFlag("CIDR", someText, {
    help:
      "clients that are served: a network, as 192.0.2.0/24, an address, or " +
      "`unix`; repeatable; others are closed at once",
    default: "all clients",
    option: "allow",
  }),
  "proxy-from": valuesFlag("CIDR", someText, {
    help: "proxies, written as for --allow, whose connections begin with a " +
      "PROXY protocol header, which names the client; repeatable",
    default: "no proxy",
    option: "proxyFrom",
  }),
  "idle-timeout": valueFlag("SECONDS", parseSeconds, {
    help: "longest time without a byte received, or without a byte of the " +
      "reply accepted by the client at --min-rate",
    default: "30",
    option: "idleTimeout",
  }),
  "message-timeout": valueFlag("SECONDS", parseSeconds, {
    help: "longest time until a message is complete",
    default: "300",
    option: "messageTimeout",
  }),
  "linger-timeout": valueFlag("SECONDS", parseSeconds, {
    help: "after a reply, longest time without a byte or an end of file from " +
      "the client; at most 5 while more than 3/4 of --max-connections or " +
      "--max-buffered are in use",
    default: "20",
    option: "lingerTimeout",
  }),
  "min-rate": valueFlag("BYTES", wholeNumber(0, 1e9), {
    help: "minimum rate of a client that reads a reply, or sends input " +
      "after it, in bytes a second; a slower one is closed when its time " +
      "limits have passed",
    default: "2000",
    option: "minRate",
  }),
  "grace": valueFlag("SECONDS", parseSeconds, {
    help: "time that a shutdown gives open conversations to finish",
    default: "10",
    option: "grace",
  }),
  "health-port": valueFlag("PORT", wholeNumber(1, 65535), {
    help: "port for the health checks of a load balancer: open until the " +
      "first signal",
  }),
  "metrics-port": valueFlag("PORT", wholeNumber(1, 65535), {
    help: "port for HTTP: GET /metrics for Prometheus; /healthz; /readyz, " +
      "which is 503 from the first signal on",
  }),
  "notice": valueFlag("SECONDS", parseSeconds, {
    help: "time from the close of the health port, and the first 503 of " +
      "/readyz, to the shutdown",
    default: `${DEFAULT_NOTICE_MS / 1000}`,
    needs: ["health-port", "metrics-port"],
  }),
  "parallel": valueFlag("COUNT", wholeNumber(1, 1024), {
    help: "number of threads, which share the port and all limits",
    default: "1",
    excludes: ["unix"],
    excludesWhen: {
      clause: "if the value is above 1",
      holds: (count) => count !== 1,
    },
  }),
  "log": valueFlag("text|json", choice("text", "json"), {
    help: "format of the log on standard error, one line for each " +
      "conversation",
    default: "text",
  }),
  "quiet": switchFlag({ help: "write no log" }),
  "help": switchFlag({ help: "print this text" }),
  "version": switchFlag({ help: "print the version" }),
} as const satisfies
  & FlagTable
  & Record<string, Flag<unknown, keyof AnyServeOptions>>;
