import { assertEquals } from "@std/assert";
import { Random } from "../random.ts";
import { ByteBuffer } from "./byte_buffer.ts";

Deno.test("ByteBuffer returns bytes in the order in which they came", () => {
  const random = new Random(1);
  for (let round = 0; round < 100; round++) {
    const byteBuffer = new ByteBuffer();
    // What it has to hold.
    let expected = "";
    let next = 0;
    for (let step = 0; step < 50; step++) {
      const bytes = new Uint8Array(random.magnitude(1, 2000) - 1)
        .map(() => next++ % 128);
      byteBuffer.push(bytes);
      expected += String.fromCharCode(...bytes);
      // It has its own copy.
      bytes.fill(255);
      assertEquals(byteBuffer.text(), expected);
      const buffer = new Uint8Array(random.int(0, 2000)).fill(255);
      const maxBytes = random.int(0, 3000);
      const count = byteBuffer.take(buffer, maxBytes);
      assertEquals(count, Math.min(buffer.length, maxBytes, expected.length));
      assertEquals(
        String.fromCharCode(...buffer.subarray(0, count)),
        expected.slice(0, count),
      );
      assertEquals(buffer.subarray(count).every((byte) => byte === 255), true);
      expected = expected.slice(count);
    }
  }
});
