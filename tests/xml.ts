/**
 * The elements of a picture (SVG), for the tests of what draws one.
 *
 * @module
 */
import { SaxesParser } from "saxes";

/** An element of a picture. */
export interface Element {
  readonly name: string;
  readonly attributes: Record<string, string>;
  /** The text in it, without that of elements in it. */
  text: string;
}

/** The elements, in the order of their start tags. Throws for invalid XML. */
export function elementsOf(xml: string): Element[] {
  const elements: Element[] = [];
  const open: Element[] = [];
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => {
    const element = {
      name,
      attributes: attributes as Record<string, string>,
      text: "",
    };
    elements.push(element);
    open.push(element);
  });
  parser.on("text", (text) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  });
  parser.on("closetag", () => open.pop());
  parser.write(xml).close();
  return elements;
}
