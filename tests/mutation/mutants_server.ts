/**
 * Mistakes in `server.ts`, and in the parts of `server/` that all connections
 * share: options, memory, places.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

/** Mistakes in what all connections of a server share. */
export const SERVER_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("server.ts", [
    "tests/accept_test.ts",
    "tests/server_test.ts",
    "tests/server_shutdown_test.ts",
    "tests/attack_test.ts",
  ], [
    {
      name: "the server pauses after a client that left before the accept",
      find: "if (isGoneClient(error)) continue;",
      replace: "",
    },
    {
      name: "nothing is cut after the grace",
      isSimulated: true,
      find: "this.#after(SHORT_LINGER_TOTAL_MS, () => this.#abortAll());",
      replace: "",
    },
    {
      name: "conversations go on after the grace",
      isSimulated: true,
      find:
        'for (const connection of this.#open) connection.interrupt("shutting down");',
      replace: "",
    },
    {
      name: "a grace of 0 ends conversations at once",
      find: "if (this.#graceMs > 0) {",
      replace: "if (this.#graceMs >= 0) {",
      tests: ["tests/keep_alive_test.ts", "tests/server_shutdown_test.ts"],
    },
    {
      name: "idle connections are not told of a shutdown",
      find: "for (const connection of this.#open) connection.finishSoon();",
      replace: "",
      tests: ["tests/keep_alive_test.ts", "tests/server_shutdown_test.ts"],
    },
    {
      name: "a connection that is accepted during a shutdown may idle",
      find: "if (this.#isShuttingDown) connection.finishSoon();",
      replace: "",
    },
    {
      name: "a connection that is accepted while the server aborts goes on",
      find: "if (this.#isAborted) connection.abort();",
      replace: "",
    },
    {
      name: "a failing accept is reported once for ever",
      find: "        isReported = false;\n",
      replace: "",
    },
    {
      name: "finished resolves while connections are open",
      find: "while (this.#open.size > 0) await this.#connectionEnd();",
      replace: "if (this.#open.size > 0) await this.#connectionEnd();",
    },
  ]),
  ...mutantsIn("server/listen.ts", ["server/listen_test.ts"], [
    {
      name: "NotConnected counts as a failure of the listener",
      find: "error instanceof Deno.errors.NotConnected ||",
      replace: "false ||",
    },
  ]),
  ...mutantsIn("server/backlog.ts", [
    "server/backlog_test.ts",
    "tests/server_shutdown_test.ts",
  ], [
    {
      name: "the backlog counts as empty although nothing was accepted from it",
      find: "if (!state.isAccepting()) continue;",
      replace: "",
    },
    {
      name: "the backlog counts as empty after five polls in all",
      find: "=== accepted ? quietPolls + 1 : 0",
      replace: "=== accepted ? quietPolls + 1 : quietPolls",
    },
    {
      name: "the backlog is drained although the grace is over",
      find: "quietPolls < QUIET_POLLS && !state.isOver()",
      replace: "quietPolls < QUIET_POLLS",
    },
  ]),
  ...mutantsIn("server/buffer_pool.ts", ["server/buffer_pool_test.ts"], [
    {
      name: "a slab that is refused stays counted",
      find: `this.#allSlabs.decrement();
      return undefined;`,
      replace: "return undefined;",
    },
    {
      name: "the memory of abandoned blocks is never counted down",
      find: "this.#abandonedBytes -= slab.abandonedBytes;",
      replace: "",
    },
    {
      name: "a slab whose blocks were abandoned is counted for ever",
      find: "if (!isCounted) this.#allSlabs.decrement();",
      replace: "",
    },
    {
      name: "a slab that was released stays counted",
      find: `this.#remove(slab);
      this.#allSlabs.decrement();`,
      replace: "this.#remove(slab);",
    },
    {
      name: "an abandoned block is leased again",
      find: "abandon({ slab, bytes: { length } }: SlabBlock): void {",
      replace: `abandon(block: SlabBlock): void {
    return this.release(block);
    const { slab, bytes: { length } } = block;`,
    },
    {
      name: "a slab with a leased block is released",
      find: "if (slab.usedBytes > 0) continue;",
      replace: "if (slab.usedBytes > LARGEST_BLOCK_BYTES / 2) continue;",
    },
    {
      name: "cached blocks are not used where no other are left",
      find: `this.#emptyCache();
    return this.#takeFromSlabs(size);`,
      replace: "return undefined;",
    },
    {
      name: "large messages take the memory that is reserved for small ones",
      find: "this.freeBytes - size < this.#reservedBytes",
      replace: "this.freeBytes - size < 0",
    },
  ]),
  ...mutantsIn("server/slab.ts", [
    "server/slab_test.ts",
    "server/buffer_pool_test.ts",
  ], [
    {
      name: "a slab that was divided is never leased as one block again",
      find: "areBothFree ? level : Math.max",
      replace: "areBothFree ? level - 1 : Math.max",
    },
    {
      name: "a slab whose blocks came back is never released",
      find: "this.usedBytes -= length;",
      replace: "",
    },
    {
      name: "a retired slab leases blocks",
      find: "this.isRetired || free[1]! < level",
      replace: "free[1]! < level",
    },
  ]),
  ...mutantsIn("server/shared_counter.ts", ["server/buffer_pool_test.ts"], [
    {
      name: "threads do not share a counter",
      find: "this.memory = memory;",
      replace: "this.memory = memory.slice();",
      tests: ["server/buffer_pool_test.ts", "tests/threads_test.ts"],
    },
  ]),
  ...mutantsIn("server/places.ts", [
    "server/places_test.ts",
    "tests/accept_test.ts",
    "tests/patience_test.ts",
  ], [
    {
      name: "the places of clients that were refused are never freed",
      find: "      this.#refused.delete(connection.refusedEntry);\n",
      replace: "",
    },
    {
      name: "a client that is refused takes a place",
      isSimulated: true,
      find: "this.#uncount(connection);\n    this.#freePlace(connection);\n",
      replace: "this.#uncount(connection);\n",
    },
    {
      name: "the place of a connection that has ended stays taken",
      find: "if (connection.hasPlace) this.#freePlace(connection);\n    else",
      replace: "if (!connection.hasPlace)",
    },
    {
      name: "the last place of a server is never used",
      find: "this.#taken.increment() <= this.#taken.max",
      replace: "this.#taken.increment() < this.#taken.max",
    },
    {
      name: "one connection more than maxConnections is served",
      find: "this.#taken.increment() <= this.#taken.max",
      replace: "this.#taken.increment() <= this.#taken.max + 1",
    },
    {
      name: "a new connection does not take the place of a lingering one",
      isSimulated: true,
      find: "||\n      this.#closeOldest(this.lingering)",
      replace: "",
    },
    {
      name: "a connection that has just replied gives its place away",
      find: "< MIN_LINGER_MS) return false;",
      replace: "< 0) return false;",
    },
    {
      name: "the same connection gives its place away twice",
      find: "connections.delete(entry);",
      replace: "",
    },
  ]),
  ...mutantsIn("server/options.ts", [
    "server/options_test.ts",
    "tests/server_test.ts",
  ], [
    {
      name: "a limit of 0 is taken for the default",
      find: "options[name] ?? LIMITS[name]",
      replace: "options[name] || LIMITS[name]",
    },
    {
      name: "memory that runs short makes no limit strict",
      find: "||\n    pool.freeBytes < shortBytes",
      replace: "",
    },
    {
      name: "the limits stay patient after the grace",
      find: "state.isEnding() ||",
      replace: "",
    },
    {
      name: "an onError that throws ends the connection without a reply",
      find: "} catch (callbackError) {",
      replace: "} catch (callbackError) {\n        throw callbackError;",
      tests: ["tests/callbacks_test.ts"],
    },
  ]),
  ...mutantsIn("server/framings.ts", [
    "server/options_test.ts",
    "tests/keep_alive_test.ts",
    "tests/handler_options_test.ts",
  ], [
    {
      name: "with keep-alive, a reply has no end marker by default",
      find: "return mayFollow ? messageFraming : endOfFileFraming;",
      replace: "return endOfFileFraming;",
    },
    {
      name: "an error reply that contains the marker of replies is accepted",
      find: "      encodeError(code);\n",
      replace: "",
    },
    {
      name: "errorReply is not used",
      find: "options.errorReply === undefined",
      replace: "options.errorReply !== undefined",
    },
  ]),
];
