/**
 * Plays a picture in slow motion: time runs down.
 *
 * @module
 */

/** The speed, in pixels of the picture in a second; and the longest play. */
const PIXELS_PER_SECOND = 130;
const MAX_MS = 4500;

/**
 * Uncovers a picture from above. With reduced motion, it is there at once.
 *
 * @param svg The picture.
 * @param onStart Called with a function that shows all of it at once.
 * @returns Resolves when all of it is there.
 */
export async function play(svg, onStart) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const { width, height } = svg.viewBox.baseVal;
  const curtain = document.createElementNS(svg.namespaceURI, "rect");
  curtain.setAttribute("class", "curtain");
  curtain.setAttribute("y", "34");
  curtain.setAttribute("width", String(width));
  curtain.setAttribute("height", String(height));
  svg.append(curtain);
  const animation = curtain.animate(
    [{ transform: "translateY(0)" }, { transform: `translateY(${height}px)` }],
    { duration: Math.min(MAX_MS, height / PIXELS_PER_SECOND * 1000) },
  );
  onStart(() => animation.finish());
  // A picture that is replaced meanwhile is not played to its end.
  await animation.finished.catch(() => {});
  curtain.remove();
}
