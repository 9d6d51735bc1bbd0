/**
 * A port for HTTP: metrics for Prometheus, and checks of the server's health.
 *
 * @module
 */
import type { StatusPort } from "./notice.ts";
import { PROMETHEUS_TYPE } from "./metrics_text.ts";

/** Answers `GET /metrics`, `/healthz` and `/readyz`. */
export class MetricsPort implements StatusPort {
  readonly #port: number;
  readonly #metrics: () => string;
  readonly #abort = new AbortController();
  #isReady = true;

  /**
   * Creates a port that is not open yet.
   *
   * @param metrics Returns the metrics in Prometheus's text format.
   */
  constructor(port: number, metrics: () => string) {
    this.#port = port;
    this.#metrics = metrics;
  }

  open(hostname: string): void {
    const { signal } = this.#abort;
    if (signal.aborted) return;
    const options = { hostname, port: this.#port, signal, onListen() {} };
    try {
      Deno.serve(options, (request) => this.#answer(request));
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`metrics port ${this.#port}: ${message}`, {
        cause: error,
      });
    }
  }

  announce(): void {
    this.#isReady = false;
  }

  close(): void {
    this.#abort.abort();
  }

  #answer({ method, url }: Request): Response {
    if (method !== "GET" && method !== "HEAD") {
      return text(405, "GET and HEAD alone\n", { allow: "GET, HEAD" });
    }
    // A stranger's Host header may make a URL that is not valid.
    switch (URL.parse(url)?.pathname) {
      case "/metrics":
        return text(200, this.#metrics(), { "content-type": PROMETHEUS_TYPE });
      case "/healthz":
        return text(200, "ok\n");
      case "/readyz":
        return this.#isReady ? text(200, "ok\n") : text(503, "stopping\n");
      default:
        return text(404, "/metrics, /healthz or /readyz\n");
    }
  }
}

function text(
  status: number,
  body: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(body, { status, headers });
}
