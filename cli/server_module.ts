/**
 * Loads the module that `server.ts` serves.
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import type { Handler } from "../server/handler.ts";
import type { AnyServeOptions } from "../server/serve_options.ts";

/** Thrown for a module that cannot be served. The message is one line. */
export class ModuleError extends Error {
  override name = "ModuleError";
}

/** What a module has to say: its handler, and options of `serve()`. */
export interface LoadedModule {
  /** The handler; undefined if the option `converse` takes its place. */
  readonly handler: Handler | undefined;
  /** The options of `serve()`. */
  readonly options: AnyServeOptions;
}

/**
 * The options of `serve()`, with their types as `typeof` has them; `any` where
 * there are several, which `serve()` checks.
 */
const OPTION_TYPES: Record<keyof AnyServeOptions, string> = {
  hostname: "string",
  port: "number",
  path: "string",
  cert: "string",
  key: "string",
  tls: "object",
  end: "any",
  start: "any",
  replyEnd: "any",
  keepAlive: "boolean",
  framing: "any",
  greeting: "any",
  errorReply: "function",
  tooLarge: "string",
  onEndOfFile: "string",
  converse: "function",
  maxBytes: "number",
  idleTimeout: "number",
  messageTimeout: "number",
  lingerTimeout: "number",
  minRate: "number",
  maxConnections: "number",
  maxPerAddress: "number",
  allow: "object",
  proxyFrom: "object",
  maxBufferedBytes: "number",
  grace: "number",
  reusePort: "boolean",
  signal: "object",
  onListen: "function",
  onConversation: "function",
  onError: "function",
  onAcceptError: "function",
};

/**
 * Loads a module, and checks its default export.
 *
 * @param name A path or a URL.
 * @throws {ModuleError} If it cannot be loaded, or exports nothing to serve.
 */
export async function loadModule(name: string): Promise<LoadedModule> {
  const exported = await importModule(name);
  if (!("default" in exported)) {
    throw new ModuleError(`Cannot serve ${name}: it has no default export`);
  }
  const { default: it } = exported;
  if (typeof it === "function") return { handler: it as Handler, options: {} };
  if (typeof it !== "object" || it === null) {
    throw new ModuleError(
      `Cannot serve ${name}: its default export is ${
        it === null ? "null" : typeof it
      }, neither a handler nor an object with one`,
    );
  }
  const { handler, ...options } = it as Record<string, unknown>;
  const hasHandler = typeof handler === "function";
  if (handler === undefined ? !("converse" in options) : !hasHandler) {
    throw new ModuleError(
      `Cannot serve ${name}: its default export has no handler function`,
    );
  }
  for (const [option, value] of Object.entries(options)) {
    checkOption(name, option, value);
  }
  // A method of the exported object may use its other members.
  return { handler: hasHandler ? handler.bind(it) : undefined, options };
}

async function importModule(name: string): Promise<Record<string, unknown>> {
  try {
    return await import(urlOf(name));
  } catch (error) {
    throw new ModuleError(`Cannot load ${name}: ${reasonOf(error)}`);
  }
}

/** The URL of a module: a path is one in the current directory. */
function urlOf(name: string): string {
  // A scheme of one letter is the drive of a path of Windows.
  return /^[a-z][a-z\d+.-]+:/i.test(name) ? name : pathToFileURL(name).href;
}

/** Why a module cannot be loaded, in one line, with the place in the source. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${Deno.inspect(error)}`;
  const { name, code, message, stack = "" } = error as Error & {
    code?: string;
  };
  const [first = "", ...others] = stripVTControlCharacters(message).split("\n");
  const text = first.replace(/\.$/, "");
  // Deno gives this code to whatever precedes the running of the module.
  if (code === "ERR_MODULE_NOT_FOUND") return text + placeIn(others);
  if (error instanceof SyntaxError) return `${name}: ${text}`;
  return `it threw ${name}: ${text}${placeIn(stack.split("\n"))}`;
}

/** The place that the lines of a stack name first, in none of our modules. */
function placeIn(lines: readonly string[]): string {
  for (const line of lines) {
    const [, place] = /^ *at (?:.*\()?((?:file|https?|data):.*:\d+)\)?$/.exec(
      stripVTControlCharacters(line),
    ) ?? [];
    if (place?.startsWith(import.meta.url)) return "";
    if (place !== undefined) return `, at ${place}`;
  }
  return "";
}

function checkOption(name: string, option: string, value: unknown): void {
  if (!Object.hasOwn(OPTION_TYPES, option)) {
    throw new ModuleError(
      `Cannot serve ${name}: ${option} is not an option of serve()`,
    );
  }
  const type = OPTION_TYPES[option as keyof AnyServeOptions];
  const actual: string = value === null ? "null" : typeof value;
  if (value === undefined || type === "any") return;
  if (actual === type) return;
  throw new ModuleError(
    `Cannot serve ${name}: the option ${option} must be of type ${type}, ` +
      `and is ${actual}`,
  );
}
