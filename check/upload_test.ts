import { assert, assertEquals } from "@std/assert";
import { Upload } from "./upload.ts";

const MIB = 1024 * 1024;

Deno.test("Upload is not complete when the server refuses it", async () => {
  const upload = new Upload(new Uint8Array(MIB));
  const reader = upload.stream.getReader();
  for (let chunk = 0; chunk < 10; chunk++) await reader.read();
  await reader.cancel();
  assertEquals(upload.isComplete, false);
});

Deno.test("Upload ends above the limit of a server", async () => {
  const upload = new Upload(new Uint8Array(MIB));
  let byteLength = 0;
  for await (const chunk of upload.stream) byteLength += chunk.length;
  assertEquals(upload.isComplete, true);
  assert(byteLength > 64 * MIB, `${byteLength} bytes`);
});
