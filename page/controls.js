/**
 * What can be changed in a scene: a choice, or where a message is cut.
 *
 * @module
 */
import { DATA, MARKED } from "./scenes.js";

/**
 * Builds the controls of a scene.
 *
 * @param make Makes an element.
 * @param scene The scene.
 * @param isLive Whether any cuts can be run; else only the examples.
 * @param onChange Called with the choice.
 */
export function buildControls(make, scene, isLive, onChange) {
  const { id, change, choices, hasCuts } = scene;
  const controls = hasCuts && isLive
    ? [cutControls(make, choices[0].id, onChange)]
    : choices.map((choice, index) => {
      const input = make("input", {
        type: "radio",
        name: `${id}-choice`,
        value: choice.id,
        ...(index === 0 && { checked: "" }),
      });
      input.addEventListener("change", () => onChange(choice.id));
      return make("label", { class: "choice" }, input, choice.label);
    });
  return make("fieldset", {}, make("legend", {}, change), ...controls);
}

/** Two sliders below the message: each is a cut. */
function cutControls(make, choice, onChange) {
  const cells = [...MARKED].map((character, index) =>
    make(
      "span",
      index < DATA.length ? {} : { class: "marker" },
      character,
    )
  );
  const strip = make(
    "div",
    { class: "strip", "aria-hidden": "true" },
    ...cells,
  );
  strip.style.gridTemplateColumns = `repeat(${cells.length}, 1fr)`;
  const outputs = [];
  const sliders = choice.split(",").map((value, index) => {
    outputs[index] = make("output");
    return make("input", {
      type: "range",
      min: "1",
      max: String(MARKED.length - 1),
      value,
      "aria-label": `${index === 0 ? "First" : "Second"} cut, after byte`,
    });
  });
  const show = () => {
    const cuts = sliders.map(({ value }) => Number(value));
    for (const [index, cell] of cells.entries()) {
      cell.classList.toggle("cut", cuts.includes(index));
    }
    const [first, second] = cuts.toSorted((a, b) => a - b);
    pieces.textContent = [
      MARKED.slice(0, first),
      MARKED.slice(first, second),
      MARKED.slice(second),
    ].filter((piece) => piece !== "").map((piece) => `[${piece}]`).join(" ");
  };
  const pieces = make("code");
  for (const slider of sliders) {
    slider.addEventListener("input", show);
    slider.addEventListener("change", () => {
      const cuts = sliders.map(({ value }) => Number(value));
      onChange(cuts.toSorted((a, b) => a - b).join(","));
    });
  }
  show();
  const hint = make(
    "p",
    {},
    "The end marker is shaded. Each slider moves one of the two cuts. The " +
      "client then sends these pieces:",
  );
  return make("div", { class: "cuts" }, strip, ...sliders, hint, pieces);
}
