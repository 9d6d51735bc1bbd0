/**
 * The path without an intermediary.
 *
 * @module
 */
import type { Path } from "./path.ts";

/** The client connects to the server itself. */
export const directPath: Path = {
  id: "direct",
  program: "direct",
  setting: "no intermediary",
  means: "The kernel ends each direction of a TCP connection separately.",
  manual: "RFC 9293, 3.6; shutdown(2)",
  needs: [],
  start: (serverPort) =>
    Promise.resolve({
      port: serverPort,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
};
