/**
 * The one polite live region. Assistive technology reads a change of its text, and of two quick
 * changes it may miss the first: so each stays for a while, and what comes meanwhile waits and is
 * said together, what the person did first. Nothing is lost, and nothing waits for longer than that.
 */

import { el } from "./dom.js";

// What arrives together is said as one.
const GATHER_MS = 600;
const LEAST_MS = 1_500;
const MOST_MS = 5_000;
// A calm voice.
const MS_A_CHARACTER = 60;

export class Announcer {
  element = el("div", { class: "hidden", role: "status" });
  #words;
  #clock;
  /** What was the person's doing. @type {string[]} */
  #answers = [];
  /** What else there is to say. @type {string[]} */
  #remarks = [];
  /** What has arrived. @type {string[]} */
  #titles = [];
  #gathering = false;
  /** Something is being read. */
  #busy = false;
  /** Ends what is under way: a call for each. @type {Set<() => void>} */
  #ends = new Set();

  /**
   * @param {import("./words.js").Words} words
   * @param {import("../../client/tidings/clock.js").Clock} clock
   */
  constructor(words, clock) {
    this.#words = words;
    this.#clock = clock;
    this.element.ariaLive = "polite";
  }

  /** What became of something that the person did: it comes first. @param {string} text */
  answer(text) {
    this.#answers.push(text);
    this.#sayNext();
  }

  /** @param {string} text */
  say(text) {
    this.#remarks.push(text);
    this.#sayNext();
  }

  /** @param {string} title */
  arrived(title) {
    this.#titles.push(title);
    // While something is being read there is time to gather anyway.
    if (this.#busy || this.#gathering) return;
    this.#gathering = true;
    this.#after(GATHER_MS, () => {
      this.#gathering = false;
      this.#sayNext();
    });
  }

  /** Say no more. */
  stop() {
    for (const end of this.#ends) end();
  }

  /** Say all that waits, unless something is being read. */
  #sayNext() {
    if (this.#busy) return;
    const lines = [...this.#counted(this.#answers), ...this.#remarks, ...this.#arrivals()];
    if (!lines.length) return;
    this.#answers = [];
    this.#remarks = [];
    // A line of its own each: the same words again are news too.
    this.element.replaceChildren(...lines.map((line) => el("p", {}, line)));
    this.#busy = true;
    const length = lines.join(" ").length;
    this.#after(Math.min(MOST_MS, Math.max(LEAST_MS, length * MS_A_CHARACTER)), () => {
      this.#busy = false;
      this.#sayNext();
    });
  }

  /** @returns {string[]} */
  #arrivals() {
    const [title, ...others] = this.#titles;
    if (this.#gathering || title === undefined) return [];
    this.#titles = [];
    const count = others.length + 1;
    return [count === 1 ? this.#words.say("saidOne", { title }) : this.#words.say("saidMany", { count })];
  }

  /** The same several times in a row is said once, and how often. @param {string[]} texts */
  #counted(texts) {
    /** @type {{text: string, count: number}[]} */
    const runs = [];
    for (const text of texts) {
      const last = runs.at(-1);
      if (last?.text === text) last.count++;
      else runs.push({ text, count: 1 });
    }
    return runs.map(({ text, count }) =>
      count === 1 ? text : this.#words.say("saidTimes", { text, count }),
    );
  }

  /** @param {number} ms @param {() => void} run */
  #after(ms, run) {
    const end = this.#clock.after(ms, () => {
      this.#ends.delete(end);
      run();
    });
    this.#ends.add(end);
  }
}
