/** A line at the panel's foot that says what was done, and lets the person take it back. */

import { el, icon, setText } from "./dom.js";

const STAY_MS = 8_000;

export class Notice {
  element;
  #text = el("span", { class: "notice-text", dir: "auto" });
  #undo;
  #clock;
  #cancel = () => {};
  /** @type {(() => void) | null} */
  #act = null;
  #leave;

  /**
   * @param {import("./words.js").Words} words
   * @param {import("../../client/tidings/clock.js").Clock} clock
   * @param {() => void} leave takes the focus when the notice goes
   */
  constructor(words, clock, leave) {
    this.#clock = clock;
    this.#leave = leave;
    this.#undo = el("button", { type: "button", class: "text-button" }, words.say("undo"));
    const close = el("button", { type: "button", class: "tool", ariaLabel: words.say("dismiss") }, icon("close"));
    this.element = el("div", { class: "notice", part: "notice", hidden: true }, this.#text, this.#undo, close);
    this.#undo.addEventListener("click", () => {
      const act = this.#act;
      this.hide();
      act?.();
    });
    close.addEventListener("click", () => this.hide());
    // Who points at it, or is on it, is not hurried.
    for (const name of ["pointerenter", "focusin"]) this.element.addEventListener(name, () => this.#cancel());
    for (const name of ["pointerleave", "focusout"]) this.element.addEventListener(name, () => this.#wait());
  }

  /** @param {string} text @param {{undo?: (() => void) | null, problem?: boolean}} [how] */
  show(text, { undo = null, problem = false } = {}) {
    setText(this.#text, text);
    this.#act = undo;
    this.#undo.hidden = !undo;
    this.element.classList.toggle("problem", problem);
    this.element.hidden = false;
    this.#wait();
  }

  hide() {
    this.#cancel();
    const root = /** @type {ShadowRoot} */ (this.element.getRootNode());
    const focused = this.element.contains(root.activeElement);
    this.element.hidden = true;
    this.#act = null;
    if (focused) this.#leave();
  }

  /** Take back what was done last, if that is still offered. */
  undo() {
    if (!this.element.hidden && this.#act) this.#undo.click();
  }

  #wait() {
    this.#cancel();
    if (!this.element.hidden) this.#cancel = this.#clock.after(STAY_MS, () => this.hide());
  }
}
