/**
 * No intermediary at all.
 *
 * @module
 */
import type { Path } from "./path.ts";

/** The client connects to the server itself. */
export const directPath: Path = {
  id: "direct",
  program: "direct",
  setting: "nothing in between",
  means: "Nothing stands between the client and the server: the kernel keeps " +
    "the two directions of a TCP connection apart.",
  manual: "RFC 9293, 3.6; shutdown(2)",
  needs: [],
  start: (serverPort) =>
    Promise.resolve({
      port: serverPort,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
};
