/** The menu of one notification. */

import { el } from "./dom.js";

/** @typedef {{label: string, run: () => void}} Choice */

export class Menu {
  element = el("div", { class: "menu", part: "menu", role: "menu", hidden: true });
  /** @type {HTMLElement | null} */
  #button = null;
  /** @type {Choice[]} */
  #choices = [];

  constructor() {
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
    this.element.addEventListener("click", (/** @type {any} */ event) => {
      const at = [...this.element.children].indexOf(event.target.closest("button"));
      if (at >= 0) this.#choose(at);
    });
    this.element.addEventListener("focusout", (/** @type {FocusEvent} */ event) => {
      if (event.relatedTarget && !this.element.contains(event.relatedTarget)) this.close(false);
    });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** @param {HTMLElement} button that opened it @param {Choice[]} choices @param {HTMLElement} within */
  open(button, choices, within) {
    this.#button = button;
    this.#choices = choices;
    button.ariaExpanded = "true";
    this.element.ariaLabel = button.ariaLabel;
    this.element.replaceChildren(
      ...choices.map(({ label }) => el("button", { type: "button", role: "menuitem", tabIndex: -1 }, label)),
    );
    this.element.hidden = false;
    this.#place(button.getBoundingClientRect(), within.getBoundingClientRect());
    this.#focus(0);
  }

  /** @param {boolean} [refocus] */
  close(refocus = true) {
    if (!this.isOpen) return;
    this.element.hidden = true;
    if (!this.#button) return;
    this.#button.ariaExpanded = "false";
    if (refocus) this.#button.focus({ preventScroll: true });
    this.#button = null;
  }

  /** Below its button, or above it where there is no room. @param {DOMRect} button @param {DOMRect} frame */
  #place(button, frame) {
    const height = this.element.offsetHeight;
    const below = button.bottom - frame.top + 2;
    const top = below + height <= frame.height ? below : button.top - frame.top - height - 2;
    this.element.style.top = `${Math.max(4, top)}px`;
  }

  /** @param {number} at */
  #focus(at) {
    const { children } = this.element;
    /** @type {HTMLElement} */ (children[(at + children.length) % children.length]).focus();
  }

  /** @param {number} at */
  #choose(at) {
    const { run } = this.#choices[at];
    this.close();
    run();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { children } = this.element;
    const root = /** @type {ShadowRoot} */ (this.element.getRootNode());
    const at = [...children].indexOf(/** @type {Element} */ (root.activeElement));
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => this.#focus(at + 1),
      ArrowUp: () => this.#focus(at - 1),
      Home: () => this.#focus(0),
      End: () => this.#focus(-1),
      Escape: () => this.close(),
      Tab: () => this.close(),
    };
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
    // What is typed here is the menu's: "e" must not archive.
    event.stopPropagation();
  }
}
