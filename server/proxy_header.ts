/**
 * The header in which a proxy says who its client is: the PROXY protocol,
 * versions 1 and 2, as HAProxy's document of this name (2020-03-05) has it.
 *
 * @module
 */
import {
  type AddressBytes,
  formatAddress,
  parseAddress,
  toAddressBytes,
} from "./ip_address.ts";

/** What a header says. */
export interface ProxyHeader {
  /**
   * The address of the client. Undefined where the socket's own address holds:
   * the proxy speaks for itself (`LOCAL`), or does not say for whom, or for a
   * client that has neither TCP nor an IP address.
   */
  readonly source: Deno.NetAddr | undefined;
  /** The bytes of the last chunk that follow the header. Not copied. */
  readonly rest: Uint8Array;
}

/** Why some bytes are not a header. */
export interface BadProxyHeader {
  /** The reason, in words. None of them are the peer's. */
  readonly problem: string;
}

const ascii = (text: string) => new TextEncoder().encode(text);

/** The beginning of a line of version 1 (section 2.1). */
const LINE_START = ascii("PROXY ");
/** The longest line, including its end. */
const MAX_LINE_BYTES = 107;
const [CR, LF, U] = [0x0d, 0x0a, 0x55];

/** The beginning of a header of version 2 (section 2.2). */
const SIGNATURE = ascii("\r\n\r\n\0\r\nQUIT\n");
/** The signature, the version and command, the family, and the length. */
const FIXED_BYTES = 16;
const [LOCAL, PROXY] = [0x20, 0x21];
/** The bytes of the addresses and ports, by the family. */
const ADDRESSES_BYTES = [0, 2 * (4 + 2), 2 * (16 + 2), 2 * 108];
const [IPV4, IPV6] = [1, 2];
const [STREAM, DATAGRAM] = [1, 2];

/**
 * Decodes one header. The result depends on the bytes alone, not on how they
 * are cut.
 *
 * The decoder keeps at most 107 bytes. What follows the addresses in a header of
 * version 2, up to 65,535 bytes, is skipped: the TLVs, among them the checksum,
 * which is not verified.
 */
export class ProxyHeaderDecoder {
  readonly #kept = new Uint8Array(MAX_LINE_BYTES);
  #keptBytes = 0;
  /** Of version 2: the bytes that are kept before the skipping begins. */
  #neededBytes = FIXED_BYTES;
  #skipBytes = 0;
  #source: Deno.NetAddr | undefined;

  /**
   * Takes the next bytes. Returns undefined as long as the header is not
   * complete. Not to be called after it was, or after it was a bad one.
   */
  push(chunk: Uint8Array): ProxyHeader | BadProxyHeader | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, chunk.length - at);
        this.#skipBytes -= skipped;
        at += skipped;
        if (this.#skipBytes > 0) return undefined;
        return { source: this.#source, rest: chunk.subarray(at) };
      }
      this.#kept[this.#keptBytes++] = chunk[at++]!;
      const outcome = this.#check();
      if (outcome === "skip") continue;
      if (outcome === "complete") {
        return { source: this.#source, rest: chunk.subarray(at) };
      }
      if (outcome !== undefined) return outcome;
    }
    return undefined;
  }

  /** Checks what is kept after each byte. */
  #check(): BadProxyHeader | "complete" | "skip" | undefined {
    const last = this.#keptBytes - 1;
    const start = this.#kept[0] === SIGNATURE[0] ? SIGNATURE : LINE_START;
    if (last < start.length) {
      return this.#kept[last] === start[last]
        ? undefined
        : { problem: "it does not begin with a PROXY protocol header" };
    }
    return start === SIGNATURE ? this.#checkBinary() : this.#checkLine();
  }

  #checkLine(): BadProxyHeader | "complete" | undefined {
    const last = this.#keptBytes - 1;
    if (this.#kept[last] === LF) {
      if (this.#kept[last - 1] === CR) return this.#parseLine(last - 1);
      // Of UNKNOWN, whatever comes before the end of the line does not count.
      if (this.#kept[LINE_START.length] !== U) {
        return { problem: "a line that does not end with CRLF" };
      }
    }
    return this.#keptBytes === MAX_LINE_BYTES
      ? { problem: `no end of the line within ${MAX_LINE_BYTES} bytes` }
      : undefined;
  }

  #parseLine(byteLength: number): BadProxyHeader | "complete" {
    const line = String.fromCharCode(...this.#kept.subarray(0, byteLength));
    if (/^PROXY UNKNOWN(?: |$)/.test(line)) return "complete";
    const [, family, source, target, ...ports] =
      /^PROXY TCP([46]) (\S+) (\S+) (\S+) (\S+)$/.exec(line) ?? [];
    if (family === undefined) {
      return {
        problem: "neither TCP4, TCP6 nor UNKNOWN, with its four values",
      };
    }
    const sourceBytes = parseOf(family, source!);
    if (sourceBytes === undefined || parseOf(family, target!) === undefined) {
      return { problem: `an address is not one of TCP${family}` };
    }
    const [port, targetPort] = ports.map(parsePort);
    if (port === undefined || targetPort === undefined) {
      return { problem: "a port is not a number from 0 to 65535" };
    }
    this.#source = toAddr(sourceBytes, port);
    return "complete";
  }

  #checkBinary(): BadProxyHeader | "complete" | "skip" | undefined {
    const command = this.#kept[SIGNATURE.length];
    if (command !== LOCAL && command !== PROXY) {
      return { problem: "neither LOCAL nor PROXY in version 2" };
    }
    if (this.#keptBytes < this.#neededBytes) return undefined;
    const view = new DataView(this.#kept.buffer);
    const [family, protocol] = [this.#kept[13]! >> 4, this.#kept[13]! & 0xf];
    const lengthBytes = view.getUint16(14);
    const isAddressed = command === PROXY && protocol === STREAM &&
      (family === IPV4 || family === IPV6);
    if (this.#keptBytes === FIXED_BYTES && command === PROXY) {
      const addressesBytes = ADDRESSES_BYTES[family];
      if (addressesBytes === undefined || protocol > DATAGRAM) {
        return { problem: "a family or a protocol that does not exist" };
      }
      if (lengthBytes < addressesBytes) {
        return { problem: "a length that is too short for the addresses" };
      }
      if (isAddressed) {
        this.#neededBytes += addressesBytes;
        return undefined;
      }
    }
    if (isAddressed) {
      const size = family === IPV4 ? 4 : 16;
      const source = this.#kept.slice(FIXED_BYTES, FIXED_BYTES + size);
      const port = view.getUint16(FIXED_BYTES + 2 * size);
      this.#source = toAddr(toAddressBytes(source), port);
    }
    this.#skipBytes = FIXED_BYTES + lengthBytes - this.#keptBytes;
    return this.#skipBytes === 0 ? "complete" : "skip";
  }
}

/** The bytes of an address that is written in this family. */
function parseOf(family: string, text: string): AddressBytes | undefined {
  return text.includes(":") === (family === "6")
    ? parseAddress(text)
    : undefined;
}

function parsePort(text: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

function toAddr(bytes: AddressBytes, port: number): Deno.NetAddr {
  return { transport: "tcp", hostname: formatAddress(bytes), port };
}
