/**
 * The page: builds the scenes, runs them, and draws what happened.
 *
 * @module
 */
import { buildControls } from "./controls.js";
import { drawTrace } from "./draw.js";
import { LEGEND } from "./legend.js";
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

/** Keeps a number and its unit on one line. */
function withUnits(text) {
  return text.replaceAll(/(\d) (s|[KM]iB|bytes)\b/g, "$1\u00a0$2");
}

/** A picture as an element. */
function pictureOf(source) {
  const { documentElement } = new DOMParser()
    .parseFromString(source, "image/svg+xml");
  return document.importNode(documentElement, true);
}

/** A command for a terminal, whose flags are not broken into two lines. */
function commandOf(command) {
  return make(
    "code",
    {},
    ...command.split(/( )/).map((part) =>
      part === " " ? part : make("span", {}, part)
    ),
  );
}

/** One scene on the page. */
class SceneView {
  #scene;
  #pictures = make("div", { class: "pictures" });
  #status = make("p", { role: "status", class: "status" });
  #command = make("p", { class: "command" });
  #button = make(
    "button",
    { type: "submit" },
    recording ? "Play it again" : "Now for real",
  );
  /** Ends the slow motion; there only while a picture is played. */
  #skip = make("button", { type: "button", hidden: "" }, "Show all at once");
  #choice;
  #traces = [];
  #isWide;
  /** Counts runs: the last one wins. */
  #runs = 0;

  constructor(scene, index) {
    this.#scene = scene;
    const { id, title, text, look } = scene;
    this.#choice = scene.choices[0].id;
    const form = make(
      "form",
      {},
      buildControls(make, scene, recording === undefined, (choice) => {
        this.#choice = choice;
        this.run();
      }),
      make("div", { class: "buttons" }, this.#button, this.#skip),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    this.element = make(
      "section",
      { class: "scene", id, "aria-labelledby": `${id}-title` },
      make("h2", { id: `${id}-title` }, `${index + 1}. ${title}`),
      ...text.map((paragraph) => make("p", {}, withUnits(paragraph))),
      form,
      make("p", {}, make("strong", {}, "What to look for: "), withUnits(look)),
      this.#status,
      this.#pictures,
      this.#command,
    );
    new ResizeObserver(() => this.#fit()).observe(this.#pictures);
  }

  /** Whether the scene has run, or runs. */
  get hasRun() {
    return this.#runs > 0;
  }

  async run() {
    const run = ++this.#runs;
    this.#command.replaceChildren(
      "In a terminal: ",
      commandOf(`deno task demo --scene ${this.#scene.id}:${this.#choice}`),
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
      await this.#play();
      if (run !== this.#runs) return;
      this.#status.textContent = "";
      this.#showVerdicts();
    } catch (error) {
      if (run !== this.#runs) return;
      this.#status.className = "status problem";
      this.#status.textContent = `This did not work: ${error.message}`;
    } finally {
      if (run === this.#runs) {
        this.element.removeAttribute("aria-busy");
        this.#hideSkip();
      }
    }
  }

  /** Resolves when all of the pictures is there. */
  async #play() {
    const ends = [];
    const played = [...this.#pictures.querySelectorAll("svg")].map((svg) =>
      play(svg, (end) => ends.push(end))
    );
    this.#skip.hidden = ends.length === 0;
    this.#skip.onclick = () => ends.forEach((end) => end());
    await Promise.all(played);
  }

  #hideSkip() {
    if (document.activeElement === this.#skip) this.#button.focus();
    this.#skip.hidden = true;
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
      const svg = pictureOf(drawTrace(trace, { isNarrow: !this.#isWide }));
      const items = storyOf(trace).steps.map(({ ms, long }) =>
        make("li", {}, `${ms.toFixed(1)} ms: ${long}`)
      );
      return make(
        "figure",
        {},
        make("figcaption", {}, trace.title),
        make("div", { class: "stage" }, svg),
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
  document.getElementById("origin").replaceChildren(
    ...recording === undefined
      ? [
        "Live: each picture is of a conversation between a real server and a " +
        "real client, on this machine, a moment ago.",
      ]
      : [
        `A recording: these conversations took place on ${recording.date}, ` +
        "and are shown again. To run them yourself, with Deno, in a copy of " +
        "this project: ",
        commandOf("deno task page"),
      ],
  );
  document.getElementById("legend").replaceChildren(
    ...LEGEND.map(([title, meanings]) =>
      make(
        "section",
        {},
        make("h3", {}, title),
        make(
          "ul",
          {},
          ...meanings.map(({ drawing, words }) =>
            make("li", {}, pictureOf(drawing), make("span", {}, words))
          ),
        ),
      )
    ),
  );
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
