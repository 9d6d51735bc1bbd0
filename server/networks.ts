/**
 * Sets of addresses: single ones, networks in CIDR notation (RFC 4632 3.1), and
 * Unix sockets.
 *
 * @module
 */
import {
  type AddressBytes,
  bytesOfAddress,
  parseAddress,
} from "./ip_address.ts";

/** The word that stands for the clients of a Unix socket. */
const UNIX = "unix";

/** One network: the addresses whose first `prefixBits` bits are these. */
interface Network {
  readonly bytes: AddressBytes;
  readonly prefixBits: number;
}

/** Why a text is not a network; the rest of a sentence about it. */
class NotANetwork extends Error {}

/**
 * Parses `192.0.2.1`, `192.0.2.0/24` or `2001:db8::/32`. An IPv4-mapped network
 * (`::ffff:192.0.2.0/120`) is one of IPv4.
 *
 * @throws {NotANetwork} If the text is not one.
 */
function parseNetwork(text: string): Network {
  const [address = "", prefix, ...more] = text.split("/");
  const bytes = parseAddress(address);
  if (bytes === undefined || more.length > 0) {
    throw new NotANetwork(
      `it must be an address, a network such as 192.0.2.0/24, or "${UNIX}"`,
    );
  }
  const maxBits = bytes.length * 8;
  if (prefix === undefined) return { bytes, prefixBits: maxBits };
  // Written with colons, an IPv4-mapped address has 96 bits more.
  const moreBits = address.includes(":") ? 128 - maxBits : 0;
  const prefixBits = /^(?:0|[1-9]\d{0,2})$/.test(prefix)
    ? Number(prefix) - moreBits
    : NaN;
  if (!(prefixBits >= 0 && prefixBits <= maxBits)) {
    throw new NotANetwork(
      `its prefix must be from ${moreBits} to ${moreBits + maxBits}`,
    );
  }
  if (bytes.some((byte, i) => (byte & ~maskOf(prefixBits, i) & 0xff) !== 0)) {
    throw new NotANetwork(`it has bits after the prefix of /${prefix}`);
  }
  return { bytes, prefixBits };
}

/** The bits of the byte with this index that belong to the prefix. */
function maskOf(prefixBits: number, index: number): number {
  const bits = Math.min(Math.max(prefixBits - 8 * index, 0), 8);
  return 0xff00 >> bits & 0xff;
}

/** A set of networks, and perhaps the clients of a Unix socket. */
export class Networks {
  readonly #networks: readonly Network[];
  readonly #hasUnix: boolean;

  /**
   * @param texts Addresses and networks; `"unix"` for Unix sockets.
   * @param name The name of the list, for errors.
   * @throws {TypeError} If a text is none of these.
   */
  constructor(texts: readonly string[], name: string) {
    if (!Array.isArray(texts)) {
      throw new TypeError(
        `Cannot use ${Deno.inspect(texts)} as ${name}: it must be a list`,
      );
    }
    this.#hasUnix = texts.includes(UNIX);
    this.#networks = texts.filter((text) => text !== UNIX).map((text) => {
      try {
        return parseNetwork(String(text));
      } catch (error) {
        if (!(error instanceof NotANetwork)) throw error;
        const shown = JSON.stringify(String(text));
        throw new TypeError(`Cannot use ${shown} in ${name}: ${error.message}`);
      }
    });
  }

  /** Whether an address is in one of the networks. */
  has(addr: Deno.Addr): boolean {
    if (!("hostname" in addr)) return this.#hasUnix;
    const bytes = bytesOfAddress(addr);
    return bytes !== undefined &&
      this.#networks.some((network) => contains(network, bytes));
  }
}

function contains({ bytes, prefixBits }: Network, other: AddressBytes) {
  return bytes.length === other.length &&
    bytes.every((byte, i) => byte === (other[i]! & maskOf(prefixBits, i)));
}
