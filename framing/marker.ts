/**
 * End markers as callers write them.
 *
 * @module
 */
import { MarkerSet } from "./marker_set.ts";

/** An end marker (a delimiter). Text is encoded as UTF-8. At least 1 byte. */
export type Marker = string | Uint8Array;

/**
 * The bytes of an end marker.
 *
 * @throws {TypeError} If the marker is empty, or neither text nor bytes.
 */
export function markerBytes(marker: Marker): Uint8Array {
  const bytes = typeof marker === "string"
    ? new TextEncoder().encode(marker)
    : marker;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError("Cannot use the end marker: neither text nor bytes");
  }
  if (bytes.length === 0) {
    throw new TypeError("Cannot use the end marker: it is empty");
  }
  return bytes;
}

/**
 * One marker or several, prepared for searching.
 *
 * @throws {TypeError} If there is no marker, one that is not valid, or more
 * than 32.
 */
export function toMarkerSet(end: Marker | readonly Marker[]): MarkerSet {
  const list = typeof end === "string" || end instanceof Uint8Array
    ? [end]
    : end;
  if (!Array.isArray(list)) {
    throw new TypeError("Cannot use the end marker: neither text nor bytes");
  }
  return new MarkerSet(list.map(markerBytes));
}
