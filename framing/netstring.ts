/**
 * Messages with a byte count in front: netstrings, `5:a1234,` (the format that
 * D. J. Bernstein published).
 *
 * @module
 */
import {
  type CountReason,
  DecimalCountDecoder,
  type DecimalFormat,
  MAX_DIGITS,
} from "./decimal_count.ts";
import type { Framing } from "./framing.ts";

const COLON = 58;
const COMMA = 44;
const format: DecimalFormat = { separator: COLON, trailer: COMMA, least: 0 };

const encoder = new TextEncoder();

/** A decimal count without leading zeros, a colon, the message, a comma. */
export const netstringFraming: Framing<CountReason> = {
  markers: [],
  overheadBytes: MAX_DIGITS + 2,
  header: (byteLength) => encoder.encode(`${byteLength}:`),
  trailer: Uint8Array.of(COMMA),
  decoder: (maxBytes) => new DecimalCountDecoder(format, maxBytes),
};
