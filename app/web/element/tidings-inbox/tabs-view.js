/** All, Unread, Archived. */

import { el, setText } from "./dom.js";

/** @typedef {import("./items.js").View} View */

/** @type {[View, string][]} */
const VIEWS = [
  ["inbox", "all"],
  ["unread", "unread"],
  ["archived", "archived"],
];

export class TabsView {
  element;
  /** @type {Map<View, any>} */
  #tabs = new Map();
  #unread = el("span", { class: "tab-count", "aria-hidden": "true", hidden: true });

  /** @param {import("./words.js").Words} words @param {(view: View) => void} choose */
  constructor(words, choose) {
    this.element = el("div", { class: "tabs", part: "tabs", role: "tablist", ariaLabel: words.say("views") });
    for (const [view, word] of VIEWS) {
      const tab = el("button", { type: "button", role: "tab", part: "tab", id: `tab-${view}` }, words.say(word));
      tab.setAttribute("aria-controls", "list");
      tab.addEventListener("click", () => choose(view));
      this.#tabs.set(view, tab);
      this.element.append(tab);
    }
    this.#tabs.get("unread").append(this.#unread);
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
  }

  /** @param {{view: View, unread: number}} state */
  show({ view, unread }) {
    for (const [name, tab] of this.#tabs) {
      tab.ariaSelected = String(name === view);
      tab.tabIndex = name === view ? 0 : -1;
      tab.setAttribute("part", name === view ? "tab tab-selected" : "tab");
    }
    setText(this.#unread, String(unread));
    this.#unread.hidden = !unread;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const forward = getComputedStyle(this.element).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
    const tabs = [...this.#tabs.values()];
    const at = tabs.findIndex((tab) => tab.ariaSelected === "true");
    /** @type {Record<string, number>} */
    const to = { [forward]: at + 1, [back]: at - 1, Home: 0, End: -1 };
    if (!(event.key in to)) return;
    event.preventDefault();
    event.stopPropagation();
    const tab = tabs[(to[event.key] + tabs.length) % tabs.length];
    tab.focus();
    tab.click();
  }
}
