/** The button that opens the panel, with how many came since the person last looked. */

import { el, icon, setText } from "./dom.js";

const MOST = 99;

export class Bell {
  element;
  #words;
  #badge = el("span", { class: "badge", part: "badge", "aria-hidden": "true", hidden: true });

  /** @param {import("./words.js").Words} words @param {() => void} toggle */
  constructor(words, toggle) {
    this.#words = words;
    this.element = el("button", { type: "button", class: "bell", part: "bell" }, icon("bell"), this.#badge);
    this.element.setAttribute("aria-controls", "panel");
    this.element.setAttribute("aria-haspopup", "dialog");
    this.element.addEventListener("click", toggle);
    this.show({ unseen: 0, isOpen: false });
  }

  /** @param {{unseen: number, isOpen: boolean}} state */
  show({ unseen, isOpen }) {
    const words = this.#words;
    const label = unseen ? words.say("bellUnseen", { count: unseen }) : words.say("bell");
    if (this.element.ariaLabel !== label) this.element.ariaLabel = label;
    this.element.ariaExpanded = String(isOpen);
    setText(this.#badge, unseen > MOST ? words.say("badgeMost") : String(unseen));
    this.#badge.hidden = !unseen;
  }
}
