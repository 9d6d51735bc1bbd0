import { assertEquals, assertRejects } from "@std/assert";
import { EndMarkerFraming } from "../framing/end_marker.ts";
import { toMarkerSet } from "../framing/marker.ts";
import { cutAt, scripted, textOf, utf8 } from "../tests/scripted_source.ts";
import { InputError } from "./input.ts";
import { partsOf } from "./parts.ts";

const { signal } = new AbortController();

/** What is written, and the lengths of the messages. */
async function divide(chunks: Uint8Array[], marker: string, isTyped = false) {
  const framing = new EndMarkerFraming(toMarkerSet(marker));
  const parts = partsOf(scripted(chunks), framing, { isTyped, signal });
  let written = "";
  const ends: number[] = [];
  for await (const part of parts) {
    written += textOf(part.bytes);
    ends.push(...part.ends);
  }
  return { written, ends };
}

Deno.test("partsOf() passes piped input on, and ends its last message", async () => {
  for (const text of ["a<>bc<><>d<", "a<>bc<><>d<<>"]) {
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const chunks = cutAt(utf8(text), [first, second]);
        assertEquals(await divide(chunks, "<>"), {
          written: "a<>bc<><>d<<>",
          ends: [1, 2, 0, 2],
        });
      }
    }
  }
  assertEquals(await divide([], "<>"), { written: "", ends: [] });
});

Deno.test("partsOf() refuses a last message that ends in the start of a marker", async () => {
  await assertRejects(
    () => divide([utf8("xa")], "aa"),
    InputError,
    "contains the end marker",
  );
});

Deno.test("partsOf() makes a message of each line that was typed", async () => {
  const lines = [utf8("one\ntw"), utf8("o\r\n\nlast")];
  assertEquals(await divide(lines, "\r\n", true), {
    written: "one\r\ntwo\r\r\n\r\nlast\r\n",
    ends: [3, 4, 0, 4],
  });
  assertEquals(await divide([utf8("a;\nb")], ";", true), {
    written: "a;b;",
    ends: [1, 1],
  });
});

Deno.test("partsOf() says that the input cannot be read", async () => {
  const framing = new EndMarkerFraming(toMarkerSet(";"));
  const input = scripted([utf8("a;"), new Error("no disk")]);
  const parts = partsOf(input, framing, { isTyped: false, signal });
  assertEquals((await parts.next()).value!.ends, [1]);
  await assertRejects(
    () => parts.next(),
    InputError,
    "standard input cannot be read: no disk",
  );
});
