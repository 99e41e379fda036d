/** Small helpers for building a page. Text is only ever set as text. */

const HUES = 6;

/** An element with properties and children; strings become text. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A round sign for a person: the initial, on a colour that stays the same. */
export function avatar(person) {
  const sign = el("span", { className: "avatar", ariaHidden: "true" });
  paintAvatar(sign, person);
  return sign;
}

/** Make `sign` the sign of `person`, or of nobody. */
export function paintAvatar(sign, person) {
  sign.textContent = person ? (person.name ?? person.id).slice(0, 1) : "";
  sign.dataset.hue = person ? hueOf(person.id) : "none";
}

function hueOf(id) {
  let hue = 0;
  for (const character of id) hue = (hue * 3 + character.codePointAt(0)) % HUES;
  return String(hue);
}
