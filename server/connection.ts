/**
 * The server's side of one connection: what is said on it, linger, close.
 *
 * @module
 */
import { BlockQueue } from "../framing/block_queue.ts";
import { ReadBuffer } from "../framing/read_buffer.ts";
import type { AddressCells } from "./address_counts.ts";
import type { Admission } from "./admission.ts";
import { type Checked, Deadline } from "./deadline.ts";
import { ConversationSession } from "./conversation_session.ts";
import { Identification } from "./identification.ts";
import type { Entry } from "./linked_list.ts";
import type { TlsLayer } from "./listen.ts";
import { MessageSession } from "./message_session.ts";
import type { Places } from "./places.ts";
import { ProxiedSocket } from "./proxied_socket.ts";
import type { ConversationReport } from "./report.ts";
import type { ResolvedOptions } from "./responder.ts";
import type { Session } from "./session.ts";
import type { ServerSocket } from "./socket.ts";
import { isEndOfTcp, isNotTls } from "./socket_errors.ts";
import { CANCELLED, Transport } from "./transport.ts";

/** Options that hold for every connection of a server, checked and complete. */
export interface ConnectionOptions extends ResolvedOptions {
  /** Which connections have a place, and which only linger. */
  readonly places: Places;
  /** Which clients are served; undefined if all are, and no proxy is believed. */
  readonly admission: Admission | undefined;
  /** What speaks TLS over the socket; undefined if nothing has to. */
  readonly tls: TlsLayer | undefined;
  /** Whether anybody reads the reports of conversations. */
  readonly isReported: boolean;
}

/** One connection. It owns the socket and closes it. */
export class ServerConnection implements Checked {
  readonly #options: ConnectionOptions;
  readonly #buffer: ReadBuffer | BlockQueue;
  /** Of reading and lingering; without a conversation, of writing as well. */
  readonly #deadline: Deadline;
  readonly #writeDeadline: Deadline | undefined;
  readonly #transport: Transport;
  readonly #session: Session;
  readonly #startedMs: number;
  /** The tick from which on TCP keep-alive is worth it; Infinity once it is on. */
  #probeTick: number;
  /** Whether one of the places of the server is taken: for `Places`. */
  hasPlace = false;
  /** Where `Places` has it among those that were refused. */
  refusedEntry: Entry<ServerConnection> | undefined;
  /** Where `Places` counts it for the address of its client. */
  addressCells: AddressCells | undefined;
  /** What comes before the session, with a proxy or a client not allowed. */
  readonly #identification: Identification | undefined;
  /** The client was refused unread, or has had its last reply for long. */
  #lingersBriefly = false;
  #lingeringSinceMs = Infinity;

  constructor(conn: ServerSocket, options: ConnectionOptions) {
    const { pool, timer, phases, converse, admission, tls } = options;
    const { remoteAddr } = conn;
    const proxied = admission?.isProxy(remoteAddr)
      ? new ProxiedSocket(conn)
      : undefined;
    const plain = proxied ?? conn;
    const socket = tls?.over(plain) ?? plain;
    this.#options = options;
    this.#startedMs = options.clock.now();
    this.#probeTick = timer.ticks + options.keepAliveTicks;
    timer.checkAt(this.#probeTick);
    const deadline = this.#deadline = new Deadline(timer);
    if (converse === undefined) {
      const usefulBytes = options.maxBytes +
        options.messageFraming.overheadBytes;
      const buffer = this.#buffer = new ReadBuffer(
        pool,
        usefulBytes,
        options.recentSizes,
      );
      const transport = this.#transport = new Transport(
        socket,
        buffer,
        deadline,
        phases,
      );
      this.#session = new MessageSession(options, transport, buffer, deadline);
    } else {
      const buffer = this.#buffer = new BlockQueue(pool);
      // It may read and write at the same time.
      this.#writeDeadline = new Deadline(timer);
      const transport = this.#transport = new Transport(
        socket,
        buffer,
        deadline,
        phases,
        this.#writeDeadline,
      );
      this.#session = new ConversationSession(
        converse,
        options,
        transport,
        buffer,
        deadline,
      );
    }
    if (admission === undefined) return;
    if (proxied === undefined && admission.isAllowed(remoteAddr)) return;
    this.#identification = new Identification({
      socket: proxied,
      transport: this.#transport,
      session: this.#session,
      deadline,
      limits: phases.proxyHeader,
      admission,
      admit: () => options.places.identify(this),
    });
  }

  /** The address of the client; of the proxy, until its header was read. */
  get remoteAddr(): Deno.Addr {
    return this.#transport.client.remoteAddr;
  }

  /** Whether the client is not allowed: no place is needed to close. */
  get isTurnedAway(): boolean {
    return this.#identification?.isTurnedAway ?? false;
  }

  /** Whether the address is known that the client is counted for. */
  get isIdentified(): boolean {
    return this.#identification === undefined;
  }

  /**
   * Runs the connection from the first byte to the close.
   *
   * @param refusal The code of an error reply that is sent without reading.
   */
  async run(refusal?: string): Promise<ConversationReport> {
    const transport = this.#transport;
    const session = this.#session;
    if (refusal !== undefined) this.#lingerBriefly();
    try {
      if (this.#identification !== undefined) {
        refusal = await this.#identification.run(refusal);
        if (refusal !== undefined) this.#lingerBriefly();
      }
      const ending = await session.run(refusal);
      if (ending === "idle") this.#lingersBriefly = true;
      await transport.flush();
      this.#buffer.finish();
      await this.#linger(refusal !== "busy");
      // A message that came after a close in silence gets no reply. Without the
      // client's end of file, nobody knows whether it has read the last one.
      const isUnanswered = ending !== "reply" && session.hasUnread;
      const isUnconfirmed = ending !== "idle" && !transport.isEndOfFile;
      if (isUnanswered || isUnconfirmed) transport.replyLost = true;
    } catch (error) {
      if (transport.isGone(error)) {
        // We have closed after a reply that nobody has confirmed.
        const isUnconfirmed = transport.isClosed && session.outcome !== "" &&
          transport.bytesOut > 0;
        if (session.hasBegun || isUnconfirmed) transport.replyLost = true;
        session.outcome ||= transport.isClosed ? "aborted" : this.#lost(error);
      } else {
        session.outcome = "failed";
        session.error = error;
      }
    } finally {
      this.#buffer.finish();
      await transport.end();
    }
    return this.#report();
  }

  /** Ends a reading, writing or lingering phase that takes too long. */
  check(ticks: number, isShort: boolean): void {
    if (ticks >= this.#probeTick && this.#transport.keepAlive()) {
      this.#probeTick = Infinity;
    }
    const isStrict = isShort || this.#lingersBriefly;
    const session = this.#session;
    if (this.#deadline.hasPassed(ticks, isStrict)) {
      if (this.#identification?.endReading()) return;
      if (session.endReading("timed out")) return;
    } else if (!this.#writeDeadline?.hasPassed(ticks, isStrict)) return;
    // The code of an error reply tells more than that it stalled.
    const isOpen = session.outcome === "" || session.outcome === "ok";
    if (isOpen && !this.#transport.isLingering) session.outcome = "stalled";
    this.#transport.close();
  }

  get dueTick(): number {
    return Math.min(
      this.#probeTick,
      this.#deadline.dueTick,
      this.#writeDeadline?.dueTick ?? Infinity,
    );
  }

  /** Answers the messages that have arrived, and ends. */
  finishSoon(): void {
    this.#session.finishSoon();
  }

  /** Sends an error reply instead of a reply, unless a reply has begun. */
  interrupt(errorCode: string): void {
    if (this.#identification?.interrupt(errorCode)) return;
    this.#session.interrupt(errorCode);
  }

  /** The time that the connection has been lingering, or refused, in ms. */
  lingeringMs(nowMs: number): number {
    return nowMs - this.#lingeringSinceMs;
  }

  /** Closes at once, whatever is pending. */
  abort(): void {
    this.#transport.close();
  }

  /** The client is refused unread: it has lingered since it was accepted. */
  #lingerBriefly(): void {
    this.#lingersBriefly = true;
    this.#lingeringSinceMs = this.#startedMs;
  }

  /**
   * Ends the server's side, and waits for the client's end of file.
   *
   * @param hasPlace Whether another connection may need this one's place.
   */
  async #linger(hasPlace: boolean): Promise<void> {
    const { clock, isReported, places: { lingering } } = this.#options;
    const transport = this.#transport;
    if (this.#lingeringSinceMs === Infinity) {
      this.#lingeringSinceMs = clock.now();
    }
    const entry = hasPlace ? lingering.add(this) : undefined;
    try {
      if (transport.isEndOfFile) await transport.endAfterClient(isReported);
      else await transport.linger();
    } finally {
      if (entry !== undefined) lingering.delete(entry);
    }
  }

  /** How the client broke the connection. */
  #lost(error: unknown): string {
    if (error === CANCELLED) return "cancelled";
    const outcome = isEndOfTcp(error)
      ? "truncated"
      : isNotTls(error)
      ? "not TLS"
      : "reset";
    if (outcome !== "reset") this.#session.error = error;
    return outcome;
  }

  #report(): ConversationReport {
    const { client, bytesIn, bytesOut, replyLost } = this.#transport;
    const { remoteAddr, clientCertificate } = client;
    const { outcome, error, messages } = this.#session;
    const report: ConversationReport = {
      remoteAddr,
      outcome: outcome || "ok",
      messages,
      bytesIn,
      bytesOut,
      durationMs: this.#options.clock.now() - this.#startedMs,
      replyLost,
    };
    if (clientCertificate !== undefined) {
      report.clientCertificate = clientCertificate;
    }
    if (error !== undefined) report.error = error;
    return report;
  }
}
