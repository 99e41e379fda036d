/** The one polite live region: what comes together is said once. */

import { el } from "./dom.js";

const GATHER_MS = 600;

export class Announcer {
  element = el("div", { class: "hidden", role: "status" });
  #words;
  #clock;
  /** @type {string[]} */
  #titles = [];

  /**
   * @param {import("./words.js").Words} words
   * @param {import("../../client/tidings/clock.js").Clock} clock
   */
  constructor(words, clock) {
    this.#words = words;
    this.#clock = clock;
    this.element.ariaLive = "polite";
  }

  /** @param {string} text */
  say(text) {
    // A line of its own each time: the same words again are news too.
    this.element.replaceChildren(el("p", {}, text));
  }

  /** @param {string} title */
  arrived(title) {
    this.#titles.push(title);
    if (this.#titles.length === 1) this.#clock.after(GATHER_MS, () => this.#sayArrived());
  }

  #sayArrived() {
    const [title] = this.#titles;
    const count = this.#titles.length;
    this.#titles = [];
    this.say(count === 1 ? this.#words.say("saidOne", { title }) : this.#words.say("saidMany", { count }));
  }
}
