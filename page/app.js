/**
 * The page: builds the scenes, runs them, and draws what happened.
 *
 * @module
 */
import { buildControls } from "./controls.js";
import { drawTrace } from "./draw.js";
import { PICTURE_STYLE } from "./picture_style.js";
import { play } from "./player.js";
import { SCENES } from "./scenes.js";
import { outcomeOf, storyOf, verdictOf } from "./trace.js";

/** What became of a reply, in a word. */
const VERDICTS = {
  arrived: "✓ Arrived. ",
  lost: "✗ Lost. ",
  wrong: "✗ Wrong. ",
  none: "✗ No reply. ",
};

/** A picture at least as wide as this has its texts beside the lines. */
const WIDE_PX = 700;

const recording = readRecording();

/** The traces of a recording, by scene and choice; undefined if live. */
function readRecording() {
  const element = document.getElementById("recording");
  return element === null ? undefined : JSON.parse(element.textContent);
}

/** Runs a scene on the server; or takes it from the recording. */
async function runScene(scene, choice) {
  if (recording !== undefined) return recording.scenes[`${scene}:${choice}`];
  const response = await fetch("run", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ scene, choice }),
  });
  if (!response.ok) throw new Error(await response.text());
  return await response.json();
}

/** An element with attributes and children. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** One scene on the page. */
class SceneView {
  #scene;
  #pictures = make("div", { class: "pictures" });
  #status = make("p", { role: "status", class: "status" });
  #command = make("code");
  #choice;
  #traces = [];
  #isWide;
  /** Counts runs: the last one wins. */
  #runs = 0;

  constructor(scene, index) {
    this.#scene = scene;
    const { id, title, text, look } = scene;
    this.#choice = scene.choices[0].id;
    const button = make(
      "button",
      { type: "submit" },
      recording ? "Play it again" : "Now for real",
    );
    const form = make(
      "form",
      {},
      buildControls(make, scene, recording === undefined, (choice) => {
        this.#choice = choice;
        this.run();
      }),
      button,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    this.element = make(
      "section",
      { class: "scene", id, "aria-labelledby": `${id}-title` },
      make("h2", { id: `${id}-title` }, `${index + 1}. ${title}`),
      ...text.map((paragraph) => make("p", {}, paragraph)),
      form,
      make("p", {}, make("strong", {}, "What to look for: "), look),
      this.#status,
      this.#pictures,
      make("p", { class: "command" }, "In a terminal: ", this.#command),
    );
    new ResizeObserver(() => this.#fit()).observe(this.#pictures);
  }

  /** Whether the scene has run, or runs. */
  get hasRun() {
    return this.#runs > 0;
  }

  async run() {
    const run = ++this.#runs;
    const command =
      `deno run -A demo.ts --scene ${this.#scene.id}:${this.#choice}`;
    // A line may end between two words, and not after a hyphen.
    this.#command.replaceChildren(
      ...command.split(/( )/).map((part) =>
        part === " " ? part : make("span", {}, part)
      ),
    );
    this.#status.className = "status";
    this.#status.textContent = recording ? "" : "Running …";
    this.element.setAttribute("aria-busy", "true");
    try {
      const traces = await runScene(this.#scene.id, this.#choice);
      if (run !== this.#runs) return;
      this.#traces = traces;
      this.#isWide = this.#measure();
      this.#show();
      await Promise.all(
        [...this.#pictures.querySelectorAll("svg")].map((svg) => play(svg)),
      );
      if (run !== this.#runs) return;
      this.#status.textContent = "";
      this.#showVerdicts();
    } catch (error) {
      if (run !== this.#runs) return;
      this.#status.className = "status problem";
      this.#status.textContent = `This did not work: ${error.message}`;
    } finally {
      if (run === this.#runs) this.element.removeAttribute("aria-busy");
    }
  }

  #measure() {
    const { width } = this.#pictures.getBoundingClientRect();
    return width / Math.max(1, this.#traces.length) >= WIDE_PX;
  }

  /** Draws anew when there is more or less space. */
  #fit() {
    if (this.#traces.length === 0 || this.#measure() === this.#isWide) return;
    this.#isWide = this.#measure();
    this.#show();
    this.#showVerdicts();
  }

  #show() {
    const { length } = this.#traces;
    this.#pictures.className = length > 1 ? "pictures pair" : "pictures";
    this.#pictures.replaceChildren(...this.#traces.map((trace) => {
      const source = drawTrace(trace, { isNarrow: !this.#isWide });
      const { documentElement: svg } = new DOMParser()
        .parseFromString(source, "image/svg+xml");
      const items = storyOf(trace).steps.map(({ ms, long }) =>
        make("li", {}, `${ms.toFixed(1)} ms: ${long}`)
      );
      return make(
        "figure",
        {},
        make("figcaption", {}, trace.title),
        make("div", { class: "stage" }, document.importNode(svg, true)),
        make("p", { class: "verdict", role: "status" }),
        make(
          "details",
          {},
          make("summary", {}, "The same as a list"),
          make("ol", {}, ...items),
        ),
      );
    }));
  }

  #showVerdicts() {
    const places = this.#pictures.querySelectorAll(".verdict");
    for (const [index, trace] of this.#traces.entries()) {
      const { kind } = outcomeOf(trace);
      const place = places[index];
      place.classList.add(kind);
      place.replaceChildren(
        make("strong", {}, VERDICTS[kind]),
        verdictOf(trace),
      );
    }
  }
}

function start() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(PICTURE_STYLE);
  document.adoptedStyleSheets = [sheet];
  document.getElementById("origin").textContent = recording === undefined
    ? "Live: each picture is of a conversation between a real server and a " +
      "real client, on this machine, a moment ago."
    : `A recording: these conversations took place on ${recording.date}, and ` +
      "are shown again. To run them yourself: deno run -A demo.ts --page";
  const views = SCENES.map((scene, index) => new SceneView(scene, index));
  document.getElementById("scenes").replaceChildren(
    ...views.map(({ element }) => element),
  );
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      const view = views.find(({ element }) => element === target);
      if (!view.hasRun) view.run();
    }
  }, { rootMargin: "0px 0px -20% 0px" });
  for (const { element } of views) observer.observe(element);
  views[0].run();
}

start();
