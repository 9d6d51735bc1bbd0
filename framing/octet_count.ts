/**
 * Messages with a byte count in front: octet counting, `5 a1234`, the framing of
 * syslog over TCP and TLS (RFC 6587 3.4.1, RFC 5425 4.3).
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

const SPACE = 32;
// RFC 6587: MSG-LEN = NONZERO-DIGIT *DIGIT, so no message is empty.
const format: DecimalFormat = { separator: SPACE, trailer: null, least: 1 };

const encoder = new TextEncoder();

/** A decimal count without leading zeros, a space, the message. */
export const octetCountFraming: Framing<CountReason> = {
  markers: [],
  overheadBytes: MAX_DIGITS + 1,
  header(byteLength) {
    if (byteLength === 0) {
      throw new TypeError("Cannot send an empty message with octet counting");
    }
    return encoder.encode(`${byteLength} `);
  },
  trailer: new Uint8Array(0),
  decoder: (maxBytes) => new DecimalCountDecoder(format, maxBytes),
};
