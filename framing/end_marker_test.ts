import { assert, assertEquals } from "@std/assert";
import { cutAt, textOf, utf8 } from "../tests/scripted_source.ts";
import { EndMarkerFraming } from "./end_marker.ts";
import { toMarkerSet } from "./marker.ts";
import { netstringFraming } from "./netstring.ts";

Deno.test("an empty message keeps its empty list of chunks", () => {
  const decoder = new EndMarkerFraming(toMarkerSet(";")).decoder(100);
  const empty = decoder.push(utf8(";"))!;
  const alsoEmpty = decoder.push(utf8(";"))!;
  assertEquals(decoder.push(utf8("a")), undefined);
  const message = decoder.push(utf8("b;c"))!;
  assertEquals([empty.chunks, alsoEmpty.chunks], [[], []]);
  assertEquals([textOf(empty.data), textOf(message.data)], ["", "ab"]);
});

Deno.test("a message in one chunk is not copied, and leaves its rest", () => {
  const decoder = new EndMarkerFraming(toMarkerSet("\r\n")).decoder(100);
  const chunk = utf8("one\r\ntwo\r\n");
  const first = decoder.push(chunk)!;
  const second = decoder.push(first.rest)!;
  assertEquals([first, second].map(({ data }) => textOf(data)), ["one", "two"]);
  assertEquals(first.data.buffer === chunk.buffer, true);
  assertEquals([first.rest, second.rest].map(textOf), ["two\r\n", ""]);
});

Deno.test("takePart() takes all but a possible start of a marker, at every cut", () => {
  const text = "aa\r\r\nb\r\n\r\r\nEND tail\r\nE";
  for (const markers of [["\r\n\r\r\nEND"], ["\r\n\r\n", "END"], ["\nE"]]) {
    const framing = new EndMarkerFraming(toMarkerSet(markers));
    const whole = framing.decoder(100).push(utf8(text))!;
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const decoder = framing.decoder(Infinity);
        let parts = "";
        let unread: string | undefined;
        for (const chunk of cutAt(utf8(text), [first, second])) {
          if (unread !== undefined) {
            unread += textOf(chunk);
            continue;
          }
          const decoded = decoder.push(chunk);
          const taken = decoded?.chunks ?? decoder.takePart!();
          parts += taken.map(textOf).join("");
          if (decoded === undefined) {
            assert(text.startsWith(parts));
            continue;
          }
          assertEquals(decoded.byteLength, whole.byteLength);
          assertEquals(decoded.markerIndex, whole.markerIndex);
          unread = textOf(decoded.rest);
        }
        assertEquals([parts, unread], [textOf(whole.data), textOf(whole.rest)]);
      }
    }
  }
});

Deno.test("takePart() returns nothing twice, and holds back what may be a marker", () => {
  const decoder = new EndMarkerFraming(toMarkerSet("END")).decoder(Infinity);
  const push = (text: string) => {
    assertEquals(decoder.push(utf8(text)), undefined);
    return decoder.takePart!().map(textOf).join("");
  };
  assertEquals(["aE", "", "N", "N", "E"].map(push), ["a", "", "", "ENN", ""]);
  const { data, byteLength } = decoder.push(utf8("ND"))!;
  assertEquals([textOf(data), byteLength], ["", 4]);
});

Deno.test("takePart() takes what arrived of a counted message", () => {
  const decoder = netstringFraming.decoder(100);
  const parts = ["1", "0:abc", "def", "ghi"].map((text) => {
    assertEquals(decoder.push(utf8(text)), undefined);
    return decoder.takePart!().map(textOf).join("");
  });
  assertEquals(parts, ["", "abc", "def", "ghi"]);
  const { data, byteLength, rest } = decoder.push(utf8("j,1"))!;
  assertEquals([textOf(data), byteLength, textOf(rest)], ["j", 10, "1"]);
});
