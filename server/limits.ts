/**
 * Limits that all threads of a server share.
 *
 * @module
 */
import { slabsIn } from "./buffer_pool.ts";
import { type AnyServeOptions, limitOf } from "./options.ts";
import { SharedCounter } from "./shared_counter.ts";

/** The limits of a complete server, however many threads it has. */
export interface SharedLimits {
  /** Connections that are open. */
  readonly connections: SharedCounter;
  /** Slabs of memory that messages are read into. */
  readonly slabs: SharedCounter;
}

/** The limits that the options ask for, with nothing counted yet. */
export function newLimits(options: AnyServeOptions): SharedLimits {
  return {
    connections: new SharedCounter(limitOf(options, "maxConnections")),
    slabs: new SharedCounter(slabsIn(limitOf(options, "maxBufferedBytes"))),
  };
}
