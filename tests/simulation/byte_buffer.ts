/**
 * Bytes in the order in which they were written.
 *
 * @module
 */

const NO_BYTES = new Uint8Array(0);

const latin1 = new TextDecoder("latin1");

/** Bytes on their way: what one end has written, and the other has not read. */
export class ByteBuffer {
  #bytes = NO_BYTES;
  #start = 0;
  #end = 0;

  /** Appends a copy of these bytes. */
  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Moves bytes from the front into a buffer. Returns how many. */
  take(buffer: Uint8Array, maxBytes: number): number {
    const count = Math.min(buffer.length, maxBytes, this.#end - this.#start);
    buffer.set(this.#bytes.subarray(this.#start, this.#start + count));
    this.#start += count;
    if (this.#start === this.#end) this.#start = this.#end = 0;
    return count;
  }

  /** All bytes as text of one byte a character. They stay in the buffer. */
  text(): string {
    return latin1.decode(this.#bytes.subarray(this.#start, this.#end));
  }

  #grow(byteLength: number): void {
    const old = this.#bytes.subarray(this.#start, this.#end);
    this.#bytes = new Uint8Array(
      Math.max(2 * old.length, old.length + byteLength),
    );
    this.#bytes.set(old);
    this.#start = 0;
    this.#end = old.length;
  }
}
