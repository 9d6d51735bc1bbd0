/**
 * System calls for the load generator, from the C library. They cost a few
 * microseconds more than in C, so that the load is not the bottleneck; and
 * unlike `Deno.connect` they can choose the source address, so that the load
 * does not run out of ports. Linux with glibc only.
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

/** The poll event for bytes to read, or the end of file. */
export const READABLE = 1;
/** The poll event for space in the send buffer. */
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
 * @returns The socket. It blocks while it connects, and never after.
 */
export function connect(source: readonly number[], port: number): number {
  const fd = symbols.socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) throw new Error("Cannot open a socket: raise ulimit -n");
  // Chooses the port when the destination is known, so that each port can be
  // used once for every pair of addresses.
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

/** Writes what the send buffer takes; -1 if it is full, or for an error. */
export function send(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  return Number(symbols.send(fd, bytes, BigInt(bytes.length), flags));
}

/** Reads what has arrived; 0 at end of file, -1 for nothing or a reset. */
export function recv(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  const length = BigInt(buffer.length);
  return Number(symbols.recv(fd, buffer, length, MSG_DONTWAIT));
}

/** Half-closes a socket: `shutdown(SHUT_WR)`. */
export function halfClose(fd: number): void {
  symbols.shutdown(fd, SHUT_WR);
}

/** Closes a socket. */
export function close(fd: number): void {
  symbols.close(fd);
}

/** A set of sockets to wait for: an array of `struct pollfd`. */
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

  /** Puts a socket at a place of the set, with the events to wait for. */
  set(place: number, fd: number, events: number): void {
    this.#fds[2 * place] = fd;
    this.#events[4 * place + 2] = events;
  }

  /** Empties a place of the set. */
  remove(place: number): void {
    this.set(place, -1, 0);
  }

  /** Whether the last wait had an event at this place, or an error. */
  happened(place: number): boolean {
    return this.#events[4 * place + 3] !== 0;
  }

  /** Waits for an event. Returns false if none came in time. */
  wait(timeoutMs: number): boolean {
    return symbols.poll(this.#bytes, this.#places, timeoutMs) > 0;
  }
}

const clock = new BigInt64Array(2);
const clockBytes = new Uint8Array(clock.buffer);

/**
 * CPU time that a process has used, in seconds: user and kernel mode, of all
 * threads, ended ones included, to the nanosecond. The files of /proc have
 * either ticks of 10 ms or only the threads that still run.
 */
export function cpuSeconds(pid: number): number {
  // How clock_getcpuclockid(3) names the clock of a process.
  const clockId = (~pid << 3) | 2;
  if (symbols.clock_gettime(clockId, clockBytes) < 0) {
    throw new Error(`Cannot read the CPU clock of process ${pid}`);
  }
  return Number(clock[0]) + Number(clock[1]) / 1e9;
}
