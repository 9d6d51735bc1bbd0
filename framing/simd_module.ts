/**
 * A WebAssembly module of one function, `find`, which looks at 64 places at a
 * time with SIMD (single instruction, multiple data). It is put together here,
 * so that no other compiler is needed: each instruction is a function that is
 * named as in WebAssembly's text format, takes the code of its operands, and
 * returns its own. The opcodes are those of the WebAssembly Core Specification
 * 2.0, 5.4; the layout of the module is that of 5.5. wabt's `wasm2wat` shows the
 * text of the module, and its `wat2wasm` makes the same 335 bytes of that text.
 *
 * @module
 */

type Code = readonly number[];

/** A signed number in LEB128: seven bits in each byte, the lowest first. */
function signed(value: number): Code {
  return value >= -64 && value < 64
    ? [value & 127]
    : [value & 127 | 128, ...signed(value >> 7)];
}

/** An unsigned number in LEB128. */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [value & 127 | 128, ...unsigned(value >>> 7)];
}

const i32 = {
  const: (value: number) => [0x41, signed(value)].flat(),
  ltS: (a: Code, b: Code) => [a, b, 0x48].flat(),
  gtS: (a: Code, b: Code) => [a, b, 0x4a].flat(),
  eqz: (a: Code) => [a, 0x45].flat(),
  ctz: (a: Code) => [a, 0x68].flat(),
  add: (a: Code, b: Code) => [a, b, 0x6a].flat(),
  xor: (a: Code, b: Code) => [a, b, 0x73].flat(),
  shrU: (a: Code, b: Code) => [a, b, 0x76].flat(),
};

const v128 = {
  /** Loads 16 bytes, which need not be aligned. */
  load: (address: Code, offset: number) =>
    [address, 0xfd, 0x00, 0, unsigned(offset)].flat(),
  and: (a: Code, b: Code) => [a, b, 0xfd, 0x4e].flat(),
  or: (a: Code, b: Code) => [a, b, 0xfd, 0x50].flat(),
  anyTrue: (a: Code) => [a, 0xfd, 0x53].flat(),
};

const i8x16 = {
  /** The lowest byte of a number, 16 times. */
  splat: (a: Code) => [a, 0xfd, 0x0f].flat(),
  eq: (a: Code, b: Code) => [a, b, 0xfd, 0x23].flat(),
  bitmask: (a: Code) => [a, 0xfd, 0x64].flat(),
};

const local = {
  get: (index: number) => [0x20, index],
  set: (index: number, value: Code) => [value, 0x21, index].flat(),
};

/** No block has a value: its type is empty, 0x40. */
const loop = (...body: Code[]) => [0x03, 0x40, body.flat(), 0x0b].flat();
const ifThen = (condition: Code, ...body: Code[]) =>
  [condition, 0x04, 0x40, body.flat(), 0x0b].flat();
/** Goes back to the start of a loop. Its depth counts blocks from within. */
const br = (depth: number) => [0x0c, depth];
const brIf = (depth: number, condition: Code) =>
  [condition, 0x0d, depth].flat();
const returnValue = (value: Code) => [value, 0x0f].flat();
const UNREACHABLE = [0x00];

// The parameters of `find`, as `Find` says, and its variables.
const [AT, END, BYTES, TO_SECOND, TO_THIRD, TO_LAST] = [0, 1, 2, 3, 4, 5];
const [STOP, PLACES] = [6, 7];
const [FIRST, SECOND, THIRD, LAST] = [8, 9, 10, 11];

const at = local.get(AT);

/** Where one byte stands, of the 16 places from `address + offset`. */
const equal = (byte: number, address: Code, offset = 0) =>
  i8x16.eq(v128.load(address, offset), local.get(byte));

/** Of the 16 places from `at + offset`, those where two bytes are right. */
const outer = (offset: number) =>
  v128.and(
    equal(FIRST, at, offset),
    equal(LAST, i32.add(at, local.get(TO_LAST)), offset),
  );

/** Of the 16 places from `at`, those where the other two are. */
const inner = () =>
  v128.and(
    equal(SECOND, i32.add(at, local.get(TO_SECOND))),
    equal(THIRD, i32.add(at, local.get(TO_THIRD))),
  );

/** Sets a variable to one of the four bytes, 16 times. */
const spread = (byte: number, shift: number) =>
  local.set(byte, i8x16.splat(i32.shrU(local.get(BYTES), i32.const(shift))));

/** The code of `find`. */
const body = () =>
  [
    spread(FIRST, 0),
    spread(SECOND, 8),
    spread(THIRD, 16),
    spread(LAST, 24),
    loop(
      local.set(STOP, i32.add(at, i32.const(64))),
      ifThen(
        i32.gtS(i32.add(local.get(STOP), local.get(TO_LAST)), local.get(END)),
        returnValue(i32.xor(at, i32.const(-1))),
      ),
      // Of 64 places, is there one where the first and the last byte are right?
      ifThen(
        i32.eqz(
          v128.anyTrue(
            v128.or(
              v128.or(outer(0), outer(16)),
              v128.or(outer(32), outer(48)),
            ),
          ),
        ),
        local.set(AT, local.get(STOP)),
        br(1),
      ),
      // Is there one, of 16 at a time, where all four are?
      loop(
        local.set(
          PLACES,
          i8x16.bitmask(v128.and(outer(0), inner())),
        ),
        ifThen(
          local.get(PLACES),
          returnValue(i32.add(at, i32.ctz(local.get(PLACES)))),
        ),
        local.set(AT, i32.add(at, i32.const(16))),
        brIf(0, i32.ltS(at, local.get(STOP))),
      ),
      br(0),
    ),
    UNREACHABLE,
  ].flat();

const I32 = 0x7f;
const V128 = 0x7b;

const vector = (...items: Code[]) =>
  [unsigned(items.length), items.flat()].flat();
const sized = (bytes: Code) => [unsigned(bytes.length), bytes].flat();
const name = (text: string) => sized([...new TextEncoder().encode(text)]);
const section = (id: number, ...items: Code[]) =>
  [id, sized(vector(...items))].flat();

/**
 * Makes the module. It exports `find`, a {@linkcode Find}, and `memory`, one page
 * of 64 KiB that never grows.
 */
export function simdModule(): Uint8Array<ArrayBuffer> {
  const parameters = Array<Code>(6).fill([I32]);
  const variables = vector([2, I32], [4, V128]);
  return Uint8Array.from(
    [
      ...[[0, 0x61, 0x73, 0x6d], [1, 0, 0, 0]],
      // The type of the function; the function; memory of 1 to 1 pages.
      section(1, [0x60, vector(...parameters), vector([I32])].flat()),
      section(3, [0]),
      section(5, [1, 1, 1]),
      section(7, [name("find"), 0, 0].flat(), [name("memory"), 2, 0].flat()),
      section(10, sized([variables, body(), 0x0b].flat())),
    ].flat(),
  );
}

/**
 * Searches the bytes of the module's memory from `at` to `end` for four bytes:
 * one, and three at given distances after it, the last of them the farthest.
 *
 * @param bytes The four, the first one in the lowest bits.
 * @returns Where the first of the four stands, or `~offset`: they stand nowhere
 * from `at` to that offset, and what follows was not searched, for it is less
 * than 64 bytes and the distance of the last.
 */
export type Find = (
  at: number,
  end: number,
  bytes: number,
  toSecond: number,
  toThird: number,
  toLast: number,
) => number;
