// npm's repackaging of @std carries no types. These are the types of the
// functions used here, and of no others: the same as those of the real @std, or
// narrower where all of them is not needed. With the import map pointed at JSR,
// which has the types, this file can go, but for cli-progress at its end.

declare module "@std/assert" {
  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  // deno-lint-ignore no-explicit-any
  type AnyConstructor = abstract new (...args: any[]) => any;
  export function assertInstanceOf<T extends AnyConstructor>(
    actual: unknown,
    expectedType: T,
    msg?: string,
  ): asserts actual is InstanceType<T>;
  export function assertMatch(
    actual: string,
    expected: RegExp,
    msg?: string,
  ): void;
  export function assertNotStrictEquals<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    // deno-lint-ignore no-explicit-any
    ErrorClass: abstract new (...args: any[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
  export function assertStrictEquals<T>(
    actual: unknown,
    expected: T,
    msg?: string,
  ): asserts actual is T;
  export function assertStringIncludes(
    actual: string,
    expected: string,
    msg?: string,
  ): void;
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    // deno-lint-ignore no-explicit-any
    ErrorClass: abstract new (...args: any[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): E;
}

declare module "@std/bytes" {
  export function concat(
    buffers: readonly Uint8Array[],
  ): Uint8Array<ArrayBuffer>;
  export function equals(a: Uint8Array, b: Uint8Array): boolean;
  export function indexOfNeedle(
    source: Uint8Array,
    needle: Uint8Array,
    start?: number,
  ): number;
}

declare module "@std/cli/parse-args" {
  export function parseArgs(
    args: readonly string[],
    options?: {
      boolean?: readonly string[];
      string?: readonly string[];
      collect?: readonly string[];
    },
  ): { _: (string | number)[] } & Record<string, unknown>;
}

declare module "@std/fmt/bytes" {
  export function format(
    num: number,
    options?: { binary?: boolean; maximumFractionDigits?: number },
  ): string;
}

declare module "@std/fmt/colors" {
  export function bold(str: string): string;
  export function cyan(str: string): string;
  export function dim(str: string): string;
  export function green(str: string): string;
  export function red(str: string): string;
}

declare module "@std/yaml" {
  export function parseAll(content: string): unknown;
}

// cli-progress has no types of its own, and those that others wrote for it
// want all of Node's.
declare module "cli-progress" {
  interface Options {
    format: (
      options: Options,
      params: { progress: number },
      payload: unknown,
    ) => string;
    barsize: number;
    clearOnComplete: boolean;
    hideCursor: boolean;
    gracefulExit: boolean;
    linewrap: boolean;
  }
  class SingleBar {
    constructor(options: Options);
    start(total: number, startValue: number, payload: unknown): void;
    update(value: number, payload: unknown): void;
    stop(): void;
  }
  const cliProgress: {
    SingleBar: typeof SingleBar;
    Format: { BarFormat(progress: number, options: Options): string };
  };
  export default cliProgress;
}
