/**
 * Framings with the length in front, as callers name them.
 *
 * @module
 */
import type { CountReason } from "./decimal_count.ts";
import type { Framing } from "./framing.ts";
import { type ByteOrder, lengthPrefixFraming } from "./length_prefix.ts";
import { netstringFraming } from "./netstring.ts";
import { octetCountFraming } from "./octet_count.ts";

/** A framing with the length in front, for {@linkcode Reader.messages}. */
export type CountFraming =
  /** Netstrings, `5:a1234,`, or octet counting (RFC 6587 3.4.1), `5 a1234`. */
  | { framing: "netstring" | "octetCounted" }
  /** Lengths of 1 to 8 bytes; by default in network byte order, `"big"`. */
  | { framing: "lengthPrefixed"; lengthBytes: number; order?: ByteOrder };

/** @throws {TypeError | RangeError} If there is no such framing. */
export function toCountFraming(named: CountFraming): Framing<CountReason> {
  if (named.framing === "netstring") return netstringFraming;
  if (named.framing === "octetCounted") return octetCountFraming;
  if (named.framing === "lengthPrefixed") {
    const { lengthBytes, order = "big" } = named;
    return lengthPrefixFraming(lengthBytes, order);
  }
  throw new TypeError(
    `Cannot use ${named["framing"]} as framing: it must be ` +
      '"netstring", "octetCounted" or "lengthPrefixed"',
  );
}
