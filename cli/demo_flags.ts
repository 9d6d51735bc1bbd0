/**
 * The flags of demo.ts.
 *
 * @module
 */
import {
  type FlagTable,
  optionalFlag,
  switchFlag,
  valueFlag,
} from "./flag_table.ts";
import { someText, wholeNumber } from "./values.ts";

/** The flags of demo.ts. */
export const DEMO_FLAGS = {
  "page": switchFlag({
    help: "serve a page on 127.0.0.1 that shows conversations as pictures, " +
      "and print its address",
  }),
  "port": valueFlag("PORT", wholeNumber(0, 65535), {
    help: "port of the page; 0 takes a free port",
    default: "0",
    needs: ["page"],
  }),
  "scene": optionalFlag("[NAME:CHOICE]", someText, "", {
    help: "run one scene of the page, and print what happened; without a " +
      "value, list the scenes",
    excludes: ["page"],
  }),
  "help": switchFlag({ help: "print this text" }),
  "version": switchFlag({ help: "print the version" }),
} as const satisfies FlagTable;
