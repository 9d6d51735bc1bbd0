/**
 * Limits that all threads of a server share.
 *
 * @module
 */
import { slabsIn } from "./buffer_pool.ts";
import { limitOf } from "./options.ts";
import type { AnyServeOptions } from "./serve_options.ts";
import { SharedCounter, type SharedLimits } from "./shared_counter.ts";

export type { SharedLimits };

/** The limits that the options ask for, with nothing counted yet. */
export function newLimits(options: AnyServeOptions): SharedLimits {
  return {
    connections: new SharedCounter(limitOf(options, "maxConnections")),
    slabs: new SharedCounter(slabsIn(limitOf(options, "maxBufferedBytes"))),
  };
}
