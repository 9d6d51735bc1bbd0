/**
 * Mistakes in the sockets of `node:net` and `node:tls`, in what the script makes
 * of them, in the lists and queues beside a socket, and in the files of Unix
 * sockets.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

/** Mistakes in sockets that are not Deno's own, and beside all sockets. */
export const SOCKET_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("server/tls_socket.ts", [
    "server/tls_socket_test.ts",
    "tests/client_certificates_test.ts",
  ], [
    {
      name: "a client may show a certificate that is not valid",
      find: "if (!tls.authorized) {",
      replace: "if (tls.destroyed) {",
    },
    {
      name: "a client that is refused may send a message",
      find: "    const certificate = tls.getPeerX509Certificate();",
      replace: `    tls.on("data", (chunk: Uint8Array) => {
      this.#plain.push(chunk);
      this.#wakeReader();
    });
    const certificate = tls.getPeerX509Certificate();`,
    },
    {
      name: "TCP ends before close_notify was written",
      find: "    await nextTurn();\n    await this.#stream.flushed();\n",
      replace: "",
    },
    {
      name: "an end of TCP counts as an end of TLS",
      find: "if (!this.#isEnded) this.#fail(endOfTcp());",
      replace: "this.#isEnded = true;\n          this.#wakeReader();",
    },
    {
      name: "a handshake may take any time",
      find: '() => this.#refuse("The handshake has timed out"),',
      replace: "() => {},",
    },
    {
      name: "encrypted bytes are read although nobody wants them",
      find: "(this.#isHandshaking || this.#reader !== undefined) &&",
      replace: "",
    },
    {
      name: "a write takes everything",
      find: "bytes.subarray(0, MAX_WRITE_BYTES)",
      replace: "bytes",
    },
  ]),
  ...mutantsIn("server/tls.ts", [
    "server/tls_test.ts",
    "tests/client_certificates_test.ts",
  ], [
    {
      name: "no certificate has a wildcard",
      find: "names.has(exact) || names.has(wildcard)",
      replace: "names.has(exact)",
    },
    {
      name: "certificates are asked for, and not required",
      find: 'rejectUnauthorized: clientCertificate === "required"',
      replace: "rejectUnauthorized: false",
    },
    {
      name: "a key of another certificate is accepted",
      find: "if (!certificate.checkPrivateKey(privateKey)) {",
      replace: 'if (key === "") {',
    },
    {
      name: "a key that TLS does not support is accepted",
      find: "if (error !== undefined) throw new TypeError(UNSUPPORTED);",
      replace: "",
    },
  ]),
  ...mutantsIn("server/client_certificate.ts", [
    "tests/client_certificates_test.ts",
  ], [
    {
      name: "a value of a subject passes for another attribute",
      find: '.replaceAll(/[\\\\,+"<>;=]/g, "\\\\$&")',
      replace: "",
    },
  ]),
  ...mutantsIn("server/node_socket.ts", [
    "server/node_socket_test.ts",
    "tests/systemd_test.ts",
  ], [
    {
      name: "a listener without a descriptor stops for ever",
      find: "handle?.listen?.(MAX_WAITING);",
      replace: "",
    },
    {
      name: "any number of clients wait inside the server",
      find: "this.#waiting.length >= MAX_WAITING",
      replace: "this.#isClosed",
    },
    {
      name: "an IPv4 client has an IPv6 address",
      find: 'remoteAddress.replace(/^::ffff:(?=\\d+\\.)/, "")',
      replace: "remoteAddress",
    },
    {
      name: "a reset hides what arrived before it",
      find: "if (this.#isClosed) this.#throwIfFailed();",
      replace: "this.#throwIfFailed();",
    },
  ]),
  ...mutantsIn("server.ts", ["server/node_socket_test.ts"], [
    {
      name: "a shutdown takes clients from the next process",
      find: "this.#listener.stop?.();",
      replace: "",
    },
  ]),
  ...mutantsIn("cli/tls_files.ts", [
    "cli/tls_files_test.ts",
  ], [
    {
      name: "files that are being written are read",
      find: "if (text === this.#current || !isStable) return;",
      replace: "if (text === this.#current) return;",
    },
    {
      name: "what is broken is reported again and again",
      find: "    this.#current = text;\n    this.#reload(now);",
      replace: "    this.#reload(now);",
    },
  ]),
  ...mutantsIn("cli/systemd.ts", [
    "cli/systemd_test.ts",
    "tests/systemd_test.ts",
  ], [
    {
      name: "the socket of another process is taken",
      find: "forPid !== `${pid}` || ",
      replace: "",
    },
    {
      name: "systemd is not told that the server stops",
      find: 'this.#send("STOPPING=1");',
      replace: "",
    },
    {
      name: "a name without a file is taken for a path",
      find: 'path.replace(/^@/, "\\0")',
      replace: "path",
    },
  ]),
  ...mutantsIn("server/linked_list.ts", ["server/linked_list_test.ts"], [
    {
      name: "what was deleted from a list keeps what was added later",
      find: "entry.previous = entry.next = undefined;",
      replace: "entry.previous = undefined;",
    },
    {
      name: "a second deletion from a list counts",
      find: "if (previous === undefined && entry !== this.#first) return;",
      replace: "",
    },
    {
      name: "a value is added in front of one that was deleted",
      find: "if (next === undefined) this.#last = previous;",
      replace: "if (next === undefined) this.#last ??= previous;",
    },
  ]),
  ...mutantsIn("server/interruption.ts", [
    "server/transport_test.ts",
    "tests/server_test.ts",
  ], [
    {
      name: "an interruption that comes during a write is lost",
      find: "if (waiter === undefined) this.#interruption = interruption;",
      replace: "if (waiter === undefined) return;",
    },
    {
      name: "a wait that has ended takes the next interruption",
      find: "    this.#waiter = undefined;\n    return true;",
      replace: "    return true;",
    },
    {
      name: "a wait that was interrupted is told its result, too",
      find: "if (this.#waiter !== waiter) return false;",
      replace: "",
    },
  ]),
  ...mutantsIn("server/write_queue.ts", [
    "server/write_queue_test.ts",
    "server/transport_test.ts",
    "tests/keep_alive_test.ts",
  ], [
    {
      name: "the bytes of replies that were written count as queued",
      find: "    this.#chunks = [];\n    this.#byteLength = 0;",
      replace: "    this.#chunks = [];",
    },
    {
      name: "replies are written together with the bytes between them",
      find: "|| start !== this.#end",
      replace: "|| start < this.#end",
    },
    {
      name: "a small reply is written from the start of its buffer",
      find: "byteOffset + start, byteOffset + end",
      replace: "byteOffset, byteOffset + end - start",
    },
    {
      name: "replies in two buffers are taken for neighbours",
      find: "buffer !== this.#buffer || ",
      replace: "this.#buffer === undefined || ",
    },
  ]),
  ...mutantsIn("server/socket_file.ts", ["tests/socket_file_test.ts"], [
    {
      name: "the Unix socket of another server is removed",
      find: "if (this.isOurs) Deno.removeSync(this.#path);",
      replace: "if (exists(this.#path)) Deno.removeSync(this.#path);",
    },
    {
      name: "closing removes the Unix socket of another server",
      find: "if (!exists(this.#path) || this.isOurs) return;",
      replace: "if (exists(this.#path) || this.isOurs) return;",
    },
    {
      name: "a file that is not a socket is removed at the start",
      find: "return isSocket ? `${dev}",
      replace: "return isSocket || true ? `${dev}",
      tests: ["tests/unix_test.ts"],
    },
  ]),
];
