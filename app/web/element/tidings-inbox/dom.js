/** Small helpers for building a page. Text is only ever set as text. */

const SVG = "http://www.w3.org/2000/svg";
const HUES = 6;

/** @type {Record<string, string[]>} what is drawn in a square of 24 */
const ICONS = {
  bell: ["M6 10a6 6 0 0 1 12 0c0 5 2 6.5 2 6.5H4S6 15 6 10Z", "M10 19.5a2.2 2.2 0 0 0 4 0"],
  archive: ["M4 5h16v4H4z", "M5.5 9v10h13V9", "M10 13h4"],
  unarchive: ["M4 5h16v4H4z", "M5.5 9v10h13V9", "M12 18v-5.5", "m9.5 15 2.5-2.5 2.5 2.5"],
  more: ["M6 12h.01", "M12 12h.01", "M18 12h.01"],
  close: ["m7 7 10 10", "M17 7 7 17"],
  check: ["m3.5 12.5 4 4L15 8", "m12 15.5 1 1L20.5 8"],
  up: ["M12 18V6", "m7 11 5-5 5 5"],
};

/**
 * An element with properties and children; strings become text. Properties whose name has a dash,
 * and those that the element lacks, are set as attributes.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null)} children
 * @returns {any}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name !== "part" && name in element) /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const line of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}

/** Set text only where it differs: a screen reader need not hear of it again. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Make `sign` the sign of a person, or of nobody. @param {any} sign @param {{id: string, name: string} | null} person */
export function paintAvatar(sign, person) {
  const name = person?.name || person?.id || "";
  const [initial = ""] = name;
  setText(sign, initial.toUpperCase());
  sign.title = name;
  sign.dataset.hue = person ? hueOf(person.id) : "none";
}

/** @param {string} id */
function hueOf(id) {
  let hue = 0;
  for (const character of String(id)) hue = (hue * 3 + (character.codePointAt(0) ?? 0)) % HUES;
  return String(hue);
}
