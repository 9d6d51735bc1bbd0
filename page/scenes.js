// @ts-check
/**
 * The scenes of the page, in words: what each shows, and what can be changed.
 * Runs in Deno and in a browser.
 *
 * @module
 */

/**
 * @typedef {object} Choice
 * @property {string} id
 * @property {string} label
 *
 * @typedef {object} Scene
 * @property {string} id
 * @property {string} title
 * @property {string[]} text What happens, in a few sentences.
 * @property {string} change What to change.
 * @property {Choice[]} choices The first is chosen at the start.
 * @property {boolean} [hasCuts] Whether the message can be cut by hand: then
 * the choices are examples of cuts.
 * @property {string} look What to look for.
 */

/** The message of most scenes. */
export const DATA = "a1234";

/** What the server looks for. */
export const MARKER = "SERVER WRONG MARKER";

/** What a client sends that was set up wrongly. */
export const WRONG_MARKER = "CLIENT WRONG MARKER";

/** The message of the scene with the cuts. */
export const MARKED = DATA + MARKER;

/** @type {Scene[]} */
export const SCENES = [
  {
    id: "last-word",
    title: "The last word",
    text: [
      `The server reads until the end marker “${MARKER}”. The client was set ` +
      `up wrongly, and sends “${WRONG_MARKER}” instead: for the server, the ` +
      "message never ends. (“WRONG” is only a part of both texts.) The server " +
      "can say so only when it knows that nothing more will come; and the " +
      "client learns it only if it still listens.",
      "How this server ends a conversation: if it has read the client’s end " +
      "of file, it replies and closes, for nothing more can come. If it has " +
      "not, it replies, half-closes, and reads on until the client ends, too: " +
      "a close would risk the reply (see scene 4).",
    ],
    change: "After sending, the client",
    choices: [
      { id: "close", label: "closes: close()" },
      { id: "before", label: "half-closes: closeWrite()" },
      { id: "after", label: "waits, and half-closes after the reply" },
    ],
    look:
      "After a close and after a half-close the server does the same, for " +
      "it reads the same: an end of file. Only the half-closed client is " +
      "there to read the answer. A client that only waits leaves the server " +
      "waiting, too, until its time limit passes: 1 s, or about 0.1 s more, " +
      "for it looks at the clock only now and then.",
  },
  {
    id: "markers",
    title: "Markers that differ, markers that agree",
    text: [
      "TCP delivers bytes, not messages. An agreed end marker tells where a " +
      "message ends. This server answers a complete message with the message " +
      "twice, and an incomplete one with an error.",
    ],
    change: "The client ends its message with",
    choices: [
      { id: "differ", label: `another marker: ${WRONG_MARKER}` },
      { id: "agree", label: `the server’s marker: ${MARKER}` },
    ],
    look:
      "With the server’s marker, the server “has the complete message” before " +
      "any end of file: it could reply also to a client that never ends its " +
      "stream (as in the second picture of scene 6). With another one, only " +
      "the end of file tells it that the marker will never come.",
  },
  {
    id: "cuts",
    title: "A message cut anywhere",
    text: [
      "TCP may deliver a message in pieces, cut anywhere, also inside the end " +
      "marker. First picture: the server of this project. Second: a naive " +
      "server, which looks for the marker in each piece alone.",
    ],
    change: "The message is cut",
    choices: [
      { id: "7,12", label: "twice in the marker" },
      { id: "10,10", label: "once in the marker" },
      { id: "2,5", label: "in the data, and before the marker" },
    ],
    hasCuts: true,
    look: "A reader that remembers the pieces before finds the marker, " +
      "wherever the cuts are. The naive one misses it as soon as a cut lies " +
      "inside the marker, and refuses a message that was complete.",
  },
  {
    id: "unread",
    title: "A close with unread bytes",
    text: [
      "The server needs only the message, up to its end marker. The client " +
      "wants to send 1 MiB more after it, then half-close, and then read the " +
      "reply. As soon as a write fails, it gives up, as most programs do: so " +
      "it may have sent far less than 1 MiB.",
    ],
    change: "After its reply, the server",
    choices: [
      { id: "closes", label: "closes at once" },
      { id: "lingers", label: "lingers: reads on, and closes last" },
    ],
    look: "A close with unread bytes causes a reset: the client’s next write " +
      "fails, and the reply is lost, although it was sent. A server that " +
      "lingers (half-closes, reads on, and discards what it reads) until the " +
      "client is done keeps its last word.",
  },
  {
    id: "refused",
    title: "An upload that is refused in its middle",
    text: [
      "The client wants to send 512 KiB (524,288 bytes), 32 KiB at a time, and " +
      "then the end marker (19 bytes). The server accepts messages of up to " +
      "64 KiB (65,536 bytes). It refuses this one as soon as it has read more " +
      "than that.",
    ],
    change: "The client reads",
    choices: [
      { id: "beside", label: "while it sends" },
      { id: "after", label: "only after it has sent everything" },
    ],
    look:
      "A client that listens while it sends reads the refusal in the middle " +
      "of the upload, and stops. By then it has sent more than 64 KiB: a write " +
      "only hands bytes to the operating system, and those of both sides hold " +
      "what the server has not read yet. The other client sends everything, " +
      "and still gets its reply: the server discards the rest instead of " +
      "closing.",
  },
  {
    id: "proxy",
    title: "A proxy in between",
    text: [
      "Between client and server there is often a proxy: a program that has a " +
      "connection to each of them, and passes on what it reads. Examples are " +
      "nginx (with its module “stream”), HAProxy and socat; a few lines of Node " +
      "or Deno can be one, too.",
      "No nginx, HAProxy or socat runs here. The proxy of these pictures is a " +
      "small program of this page. It treats a half-close as the named program " +
      "did when this project measured it (the table is docs/paths.md). The " +
      "server takes 0.7 s to reply. First picture: the client half-closes " +
      "before the reply. Second: after it.",
    ],
    change: "The proxy treats a half-close like",
    choices: [
      { id: "nginx-off", label: "nginx stream, by default: closes at once" },
      {
        id: "nginx-on",
        label: "nginx stream, proxy_half_close on: passes it on",
      },
      {
        id: "haproxy",
        label: "HAProxy, timeout server-fin 500ms: waits 0.5 s, then closes",
      },
      {
        id: "socat",
        label: "socat, by default (-t 0.5): waits 0.5 s, then closes",
      },
      { id: "socat-10", label: "socat, -t 10: waits 10 s, then closes" },
      { id: "node", label: "Node pipe(), by default: closes at once" },
      {
        id: "deno",
        label: "Deno, read(), write(), closeWrite(): passes it on",
      },
    ],
    look: "Some proxies take “I am done sending” for “I am gone”, and close " +
      "both connections: at once, or after a time. The server still replies, " +
      "but to a proxy that has left. A proxy that passes the half-close on, " +
      "and waits for longer than the server needs, keeps the reply. If the " +
      "client half-closes after the reply, all of them are harmless.",
  },
  {
    id: "nat",
    title: "A NAT that forgets",
    text: [
      "A NAT (a router whose machines share one address, or a cloud’s) keeps a " +
      "table of connections, and soon drops a half-closed one from it: Linux " +
      "after 60 s, some clouds after 30 s. No NAT runs here: a small program " +
      "of this page stands in for it, and forgets after 0.5 s. " +
      "The client waits for at most 3 s. First picture: it half-closes before " +
      "the reply. Second: after it.",
    ],
    change: "The server takes",
    choices: [
      { id: "1000", label: "1 s to reply" },
      { id: "100", label: "0.1 s to reply" },
    ],
    look: "A NAT that has forgotten a connection says nothing: no error, no " +
      "end of file. The server believes that its reply was sent, and only the " +
      "client’s own time limit ends the wait. A server that replies sooner " +
      "than the NAT forgets is heard; and so is a slow one, if the client " +
      "half-closes after the reply.",
  },
  {
    id: "keep-alive",
    title: "The other side: counts instead of half-closes",
    text: [
      "A protocol can do without a half-close. If each message says how many " +
      "bytes it has, the server needs no end of file, and many messages share " +
      "one connection. Here “5:a1234,” is the message a1234: its length, a " +
      "colon, its bytes, and a comma with which the reader checks that the " +
      "length was right (a netstring).",
      "The proxy in between is again a small program of this page: it closes " +
      "both connections at a half-close, as nginx stream was measured to do by " +
      "default. The server takes 0.1 s to reply.",
    ],
    change: "For two messages, the client uses",
    choices: [
      { id: "half-close", label: "a connection and a half-close each" },
      { id: "count", label: "counts, on one connection" },
    ],
    look:
      "With a half-close the first reply is lost, and the client gives up " +
      "before its second message. With counts, nobody half-closes before the " +
      "replies are read, so the proxy has nothing to misunderstand. The price: " +
      "the server needs a time limit to notice a message that never becomes " +
      "complete.",
  },
];
