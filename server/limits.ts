/**
 * Limits that all threads of a server share.
 *
 * @module
 */
import { AddressCounts, newAddressMemory } from "./address_counts.ts";
import { slabsIn } from "./buffer_pool.ts";
import { limitOf } from "./options.ts";
import type { AnyServeOptions } from "./serve_options.ts";
import { SharedCounter, type SharedLimits } from "./shared_counter.ts";

export type { SharedLimits };

/** The memory of the limits, which threads can share. */
export interface LimitsMemory {
  readonly connections: Int32Array;
  readonly slabs: Int32Array;
  readonly addresses: Int32Array;
}

/** Memory for limits that several threads count along with. */
export function sharedLimitsMemory(): LimitsMemory {
  return {
    connections: new Int32Array(new SharedArrayBuffer(4)),
    slabs: new Int32Array(new SharedArrayBuffer(4)),
    addresses: newAddressMemory(SharedArrayBuffer),
  };
}

/**
 * The limits that the options ask for.
 *
 * @param memory Where they are counted. By default, with nothing counted yet.
 * @throws {RangeError} If a limit is not a number from 0.
 */
export function newLimits(
  options: AnyServeOptions,
  memory?: LimitsMemory,
): SharedLimits {
  const maxConnections = limitOf(options, "maxConnections");
  const maxSlabs = slabsIn(limitOf(options, "maxBufferedBytes"));
  const maxPerAddress = limitOf(options, "maxPerAddress");
  return {
    connections: new SharedCounter(maxConnections, memory?.connections),
    slabs: new SharedCounter(maxSlabs, memory?.slabs),
    addresses: maxPerAddress === Infinity
      ? undefined
      : new AddressCounts(maxPerAddress, memory?.addresses),
  };
}
