/**
 * End markers that are named again with each call.
 *
 * @module
 */
import { equals } from "@std/bytes";
import { EndMarkerFraming } from "./end_marker.ts";
import type { Framing } from "./framing.ts";
import { type Marker, toMarkerSet } from "./marker.ts";
import { skipFraming } from "./skip.ts";

/**
 * The framing of the end markers that were named last. Naming them again costs
 * a comparison, and finds the same object, whose search can be resumed.
 */
export class MarkerCache {
  #end: readonly Marker[] = [];
  #framing: EndMarkerFraming | undefined;
  #skip: Framing<"end" | "eof"> | undefined;

  /** @throws {TypeError} If a marker is not valid. */
  framing(end: Marker | readonly Marker[]): EndMarkerFraming {
    if (this.#framing === undefined || !this.#isSame(end)) {
      const set = toMarkerSet(end);
      const list = Array.isArray(end) ? end : [end];
      // Bytes may be overwritten by the caller: those of the set are a copy.
      this.#end = list.map((marker, index) =>
        typeof marker === "string" ? marker : set.markers[index]!
      );
      this.#framing = new EndMarkerFraming(set);
      this.#skip = skipFraming(set);
    }
    return this.#framing;
  }

  /** As `framing()`, for bytes that are skipped. */
  skip(end: Marker | readonly Marker[]): Framing<"end" | "eof"> {
    this.framing(end);
    return this.#skip!;
  }

  #isSame(end: Marker | readonly Marker[]): boolean {
    const last = this.#end;
    if (!Array.isArray(end)) return last.length === 1 && isSame(end, last[0]!);
    return end.length === last.length &&
      end.every((marker, index) => isSame(marker, last[index]!));
  }
}

function isSame(marker: unknown, last: Marker): boolean {
  return marker === last ||
    marker instanceof Uint8Array && last instanceof Uint8Array &&
      equals(marker, last);
}
