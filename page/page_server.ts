/**
 * Serves the page on 127.0.0.1, and runs its scenes.
 *
 * @module
 */
import { runScene, UnknownSceneError } from "./run_scene.ts";

/** The files of the page, by their paths, with their types. */
const FILES: Record<string, readonly [file: string, type: string]> = {
  "/": ["index.html", "text/html"],
  "/style.css": ["style.css", "text/css"],
  ...Object.fromEntries(
    [
      ...[
        "app",
        "controls",
        "draw",
        "fit",
        "flights",
        "layout",
        "legend",
        "picture_style",
        "player",
      ],
      ...["relays", "scenes", "trace", "words"],
    ].map((name) => [`/${name}.js`, [`${name}.js`, "text/javascript"]]),
  ),
};

/** The files of the page, by their names: the entry, and its modules. */
export const PAGE_FILES: readonly string[] = Object.values(FILES)
  .map(([file]) => file);

/** A request has at most this many bytes. */
const MAX_REQUEST_BYTES = 1000;

/** No more scenes run at the same time: twice as many as the page has. */
export const MAX_SCENES = 16;

const HEADERS = {
  // Nothing but its own files, and nothing of anybody else in a frame.
  "content-security-policy": "default-src 'none'; script-src 'self'; " +
    "style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** The page, served. */
export interface PageServer extends AsyncDisposable {
  /** The address of the page. */
  readonly url: string;
  /** Resolves when the server has ended. */
  readonly finished: Promise<void>;
}

/**
 * Serves the page.
 *
 * @param port The port; 0 chooses a free one.
 * @throws What `Deno.listen` throws.
 */
export function servePage(port: number): PageServer {
  const page = new Page();
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve({
    hostname: "127.0.0.1",
    port,
    onListen: () => {},
    onError: (error) => {
      console.error(error);
      return refuse(500, "The scene failed: see the output of demo.ts");
    },
  }, (request) => page.answer(request, server.addr.port));
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    finished: server.finished,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Answers requests. */
class Page {
  #running = 0;

  async answer(request: Request, port: number): Promise<Response> {
    // Another name may lead to this address by its owner's will (DNS
    // rebinding): a page of that name must not reach this server.
    const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
    if (!hosts.includes(request.headers.get("host") ?? "")) {
      return refuse(403, "The page is at another host");
    }
    const origin = request.headers.get("origin");
    if (origin !== null && !hosts.some((host) => origin === `http://${host}`)) {
      return refuse(403, "Another origin must not use this page");
    }
    const { pathname } = new URL(request.url);
    if (pathname === "/run") return await this.#run(request, origin);
    const file = Object.hasOwn(FILES, pathname) ? FILES[pathname] : undefined;
    if (file === undefined) return refuse(404, "There is no such file");
    if (request.method !== "GET" && request.method !== "HEAD") {
      return refuse(405, "Only GET", { allow: "GET, HEAD" });
    }
    const [name, type] = file;
    const text = await Deno.readTextFile(new URL(name, import.meta.url));
    return new Response(text, {
      headers: { ...HEADERS, "content-type": `${type}; charset=utf-8` },
    });
  }

  async #run(request: Request, origin: string | null): Promise<Response> {
    if (request.method !== "POST") {
      return refuse(405, "Only POST", { allow: "POST" });
    }
    // Browsers send both, and a form of another page can send neither.
    if (origin === null) return refuse(403, "Only the page runs scenes");
    if (request.headers.get("content-type") !== "application/json") {
      return refuse(415, "Only application/json");
    }
    const text = await readText(request, MAX_REQUEST_BYTES);
    if (text === undefined) return refuse(413, "The request is too long");
    const wanted = parse(text);
    if (wanted === undefined) {
      return refuse(400, "The request names no scene and choice");
    }
    if (this.#running >= MAX_SCENES) {
      return refuse(503, "Too many scenes run: try again soon");
    }
    this.#running++;
    try {
      const traces = await runScene(wanted.scene, wanted.choice);
      return Response.json(traces, { headers: HEADERS });
    } catch (error) {
      if (!(error instanceof UnknownSceneError)) throw error;
      return refuse(400, error.message);
    } finally {
      this.#running--;
    }
  }
}

function refuse(
  status: number,
  text: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(text, { status, headers: { ...HEADERS, ...headers } });
}

/** The body as text; undefined if it has more bytes. */
async function readText(
  request: Request,
  maxBytes: number,
): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let byteLength = 0;
  for await (const chunk of request.body ?? []) {
    byteLength += chunk.byteLength;
    if (byteLength > maxBytes) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function parse(text: string): { scene: string; choice: string } | undefined {
  try {
    const { scene, choice } = JSON.parse(text);
    const isText = typeof scene === "string" && typeof choice === "string";
    return isText ? { scene, choice } : undefined;
  } catch {
    return undefined;
  }
}
