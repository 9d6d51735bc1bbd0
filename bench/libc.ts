/**
 * The system calls of the load generator, straight from the C library: a
 * conversation costs it a few microseconds more than the calls themselves, so
 * it is not the bottleneck; and unlike `Deno.connect` it can choose the source
 * address, so it does not run out of ports. Linux with glibc only.
 *
 * @module
 */

const { symbols } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
});

const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_IP = 0;
const IP_BIND_ADDRESS_NO_PORT = 24;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;

/** Poll for bytes, or the end of file. */
export const READABLE = 1;
/** Poll for room to write. */
export const WRITABLE = 4;

const ON = new Uint8Array(new Int32Array([1]).buffer);

/** A `struct sockaddr_in`. */
function address(ip: readonly number[], port: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  new Uint16Array(bytes.buffer)[0] = AF_INET;
  bytes.set([port >> 8, port & 255, ...ip], 2);
  return bytes;
}

/**
 * Connects to a port of 127.0.0.1, from another address of 127.0.0.0/8.
 *
 * @returns The socket. It blocks while connecting, and never after.
 */
export function connect(source: readonly number[], port: number): number {
  const fd = symbols.socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) throw new Error("Cannot open a socket: raise ulimit -n");
  // The port is chosen when the destination is known, so that each of them
  // serves once for every pair of addresses.
  symbols.setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, ON, ON.length);
  if (
    symbols.bind(fd, address(source, 0), 16) < 0 ||
    symbols.connect(fd, address([127, 0, 0, 1], port), 16) < 0
  ) {
    symbols.close(fd);
    throw new Error(`Cannot connect from ${source.join(".")} to port ${port}`);
  }
  return fd;
}

/** Writes what there is room for; -1 if there is none, or nobody. */
export function send(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  return Number(symbols.send(fd, bytes, BigInt(bytes.length), flags));
}

/** Reads what is there; 0 is the end of file, -1 nothing, or a reset. */
export function recv(fd: number, room: Uint8Array<ArrayBuffer>): number {
  return Number(symbols.recv(fd, room, BigInt(room.length), MSG_DONTWAIT));
}

/** Says "I am done sending". */
export function halfClose(fd: number): void {
  symbols.shutdown(fd, SHUT_WR);
}

/** Closes a socket. */
export function close(fd: number): void {
  symbols.close(fd);
}

/** Sockets to wait for together: an array of `struct pollfd`. */
export class PollSet {
  readonly #places: bigint;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #fds: Int32Array;
  readonly #events: Int16Array;

  constructor(length: number) {
    this.#places = BigInt(length);
    this.#bytes = new Uint8Array(8 * length);
    this.#fds = new Int32Array(this.#bytes.buffer);
    this.#events = new Int16Array(this.#bytes.buffer);
    for (let i = 0; i < length; i++) this.remove(i);
  }

  /** Waits for these events of this socket, at this place. */
  set(place: number, fd: number, events: number): void {
    this.#fds[2 * place] = fd;
    this.#events[4 * place + 2] = events;
  }

  /** Leaves a place empty. */
  remove(place: number): void {
    this.set(place, -1, 0);
  }

  /** Whether anything happened there, errors included. */
  happened(place: number): boolean {
    return this.#events[4 * place + 3] !== 0;
  }

  /** Waits until something happens. @returns False if nothing did. */
  wait(milliseconds: number): boolean {
    return symbols.poll(this.#bytes, this.#places, milliseconds) > 0;
  }
}

const clock = new BigInt64Array(2);
const clockBytes = new Uint8Array(clock.buffer);

/**
 * The CPU time that a process has used, in seconds: all of its threads, those
 * that have ended included, user and kernel mode, to the nanosecond. The files
 * of /proc have either ticks of 10 ms or only the threads that still run.
 */
export function cpuSeconds(pid: number): number {
  // How clock_getcpuclockid(3) names the clock of a process.
  const clockId = (~pid << 3) | 2;
  if (symbols.clock_gettime(clockId, clockBytes) < 0) {
    throw new Error(`Cannot read the CPU clock of process ${pid}`);
  }
  return Number(clock[0]) + Number(clock[1]) / 1e9;
}
