/**
 * Spans and metrics by OpenTelemetry, where Deno has it on: `OTEL_DENO=true`.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import type { ConversationReport } from "../server/report.ts";
import { DURATION_BOUNDS_S, nameOfOutcome } from "./metrics.ts";

/** The parts of OpenTelemetry's interfaces that are used here. */
interface Span {
  setAttributes(attributes: Record<string, string | number | boolean>): void;
  setStatus(status: { code: number; message?: string }): void;
  recordException(error: unknown): void;
  end(): void;
}
interface Tracer {
  startActiveSpan<Result>(
    name: string,
    options: { kind: number },
    run: (span: Span) => Result,
  ): Result;
}
interface Instrument {
  add(value: number, attributes?: Record<string, string>): void;
}
interface Histogram {
  record(value: number): void;
}
interface Meter {
  createCounter(name: string, options: MetricOptions): Instrument;
  createUpDownCounter(name: string, options: MetricOptions): Instrument;
  createHistogram(name: string, options: MetricOptions): Histogram;
}
interface MetricOptions {
  description: string;
  unit?: string;
  advice?: { explicitBucketBoundaries: readonly number[] };
}

/** `SpanKind.SERVER` and `SpanStatusCode.ERROR` of OpenTelemetry. */
const [SERVER, ERROR] = [1, 2];

/** The spans and metrics of one thread. Deno adds up those of all threads. */
export class Telemetry {
  readonly #tracer: Tracer;
  readonly #instruments: ReturnType<typeof instrumentsOf>;
  #bufferBytes = 0;

  /** Returns undefined where OpenTelemetry is off. */
  static ifOn(): Telemetry | undefined {
    const { version } = config;
    let meter: Meter;
    try {
      meter = Deno.telemetry.meterProvider.getMeter("recv_end", version);
    } catch {
      // So says Deno that it is off. To read the variable takes a permission.
      return undefined;
    }
    const { tracerProvider } = Deno.telemetry;
    return new Telemetry(tracerProvider.getTracer("recv_end", version), meter);
  }

  private constructor(tracer: Tracer, meter: Meter) {
    this.#tracer = tracer;
    this.#instruments = instrumentsOf(meter);
  }

  /** Runs a connection in a span: what its handler does has it as a parent. */
  around(
    run: () => Promise<ConversationReport>,
  ): Promise<ConversationReport> {
    const { open, accepted } = this.#instruments;
    open.add(1);
    accepted.add(1);
    return this.#tracer.startActiveSpan(
      "conversation",
      { kind: SERVER },
      async (span) => {
        try {
          const report = await run();
          describe(span, report);
          return report;
        } finally {
          open.add(-1);
          span.end();
        }
      },
    );
  }

  /** Counts a conversation that has ended. */
  conversation(report: ConversationReport): void {
    const instruments = this.#instruments;
    const outcome = nameOfOutcome(report.outcome);
    instruments.conversations.add(1, { outcome });
    instruments.messages.add(report.messages);
    instruments.received.add(report.bytesIn);
    instruments.sent.add(report.bytesOut);
    if (report.replyLost) instruments.repliesLost.add(1);
    instruments.duration.record(report.durationMs / 1000);
  }

  /** Counts a message whose handler threw. */
  handlerError(): void {
    this.#instruments.handlerErrors.add(1);
  }

  /** Notes the memory that messages are read into now, in bytes. */
  set bufferBytes(byteLength: number) {
    this.#instruments.buffers.add(byteLength - this.#bufferBytes);
    this.#bufferBytes = byteLength;
  }
}

function describe(span: Span, report: ConversationReport): void {
  const { remoteAddr, outcome, error } = report;
  span.setAttributes({
    ...("hostname" in remoteAddr && {
      "client.address": remoteAddr.hostname,
      "client.port": remoteAddr.port,
    }),
    "recv_end.outcome": outcome,
    "recv_end.messages": report.messages,
    "recv_end.received_bytes": report.bytesIn,
    "recv_end.sent_bytes": report.bytesOut,
    "recv_end.reply_lost": report.replyLost,
  });
  // Only the server's own failure is an error: a client's is an outcome.
  if (outcome === "failed") span.setStatus({ code: ERROR, message: outcome });
  if (error !== undefined) span.recordException(error);
}

// No observable instruments: Deno does not collect them when it ends.
function instrumentsOf(meter: Meter) {
  const counter = (name: string, description: string, unit?: string) =>
    meter.createCounter(`recv_end.${name}`, { description, unit });
  const gauge = (name: string, description: string, unit?: string) =>
    meter.createUpDownCounter(`recv_end.${name}`, { description, unit });
  return {
    open: gauge("connections.open", "Connections that are open"),
    accepted: counter("connections.accepted", "Accepted connections"),
    conversations: counter("conversations", "Conversations that have ended"),
    messages: counter("messages", "Complete messages"),
    received: counter("received", "Bytes received", "By"),
    sent: counter("sent", "Bytes of replies sent", "By"),
    repliesLost: counter("replies.lost", "Replies that were probably lost"),
    handlerErrors: counter("handler.errors", "Messages whose handler threw"),
    buffers: gauge("buffers", "Memory that messages are read into", "By"),
    duration: meter.createHistogram("recv_end.conversation.duration", {
      description: "Time from accept to close",
      unit: "s",
      advice: { explicitBucketBoundaries: DURATION_BOUNDS_S },
    }),
  };
}
