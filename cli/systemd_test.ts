import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./flags.ts";
import { passedSockets } from "./systemd.ts";

const PID = 12;

/** The variables that systemd sets, read. */
function reading(variables: Record<string, string>) {
  const all: Record<string, string> = { LISTEN_PID: `${PID}`, ...variables };
  return (name: string) => all[name];
}

Deno.test.each<[Record<string, string>, string, number, number[]]>([
  [{ LISTEN_FDS: "1" }, "", 1, [3]],
  [{ LISTEN_FDS: "2" }, "", 2, [3, 4]],
  [{ LISTEN_FDS: "1", LISTEN_FDNAMES: "a" }, "", 1, [3]],
  [{ LISTEN_FDS: "3", LISTEN_FDNAMES: "a:b:a" }, "b", 1, [4]],
  [{ LISTEN_FDS: "3", LISTEN_FDNAMES: "a:b:a" }, "a", 2, [3, 5]],
])(
  "passedSockets(): %o, name %o, %o threads",
  (variables, name, count, fds) => {
    assertEquals(passedSockets(name, count, reading(variables), PID), fds);
  },
);

Deno.test.each<[Record<string, string>, string, number, string]>([
  [{}, "", 1, "needs a socket that systemd passes"],
  [{ LISTEN_FDS: "0" }, "", 1, "there are 0 sockets and 1 threads"],
  [{ LISTEN_FDS: "2" }, "", 1, "there are 2 sockets and 1 threads"],
  [{ LISTEN_FDS: "1" }, "a", 1, "with the name a for each"],
  [{ LISTEN_FDS: "-1" }, "", 1, "LISTEN_FDS is -1"],
  [{ LISTEN_FDS: "99999" }, "", 1, "LISTEN_FDS is 99999"],
  [{ LISTEN_FDS: "1", LISTEN_PID: "13" }, "", 1, "LISTEN_PID is 13"],
])("passedSockets() refuses %o, name %o, %o threads", (variables, ...rest) => {
  const [name, count, message] = rest;
  assertThrows(
    () => passedSockets(name, count, reading(variables), PID),
    UsageError,
    message,
  );
});
