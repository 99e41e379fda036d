/** The tally on the page, and the verdict for who listens. */

import { el } from "./dom.js";
import { Tally } from "./tally.js";

const NAMES = ["sent", "arrived", "lost", "twice"];

export class TallyView {
  tally = new Tally();
  #list;
  #verdict;
  #numbers = {};
  #drawn = true;

  /** @param {HTMLElement} list @param {HTMLElement} verdict */
  constructor(list, verdict) {
    this.#list = list;
    this.#verdict = verdict;
    for (const name of NAMES) {
      this.#numbers[name] = el("dd");
      const pair = el("div", {}, el("dt", {}, name), this.#numbers[name]);
      pair.dataset.name = name;
      this.#list.append(pair);
    }
    this.#drawNow();
  }

  /** Something was counted. Drawn once for all that comes in one go. */
  draw() {
    if (!this.#drawn) return;
    this.#drawn = false;
    setTimeout(() => this.#drawNow());
  }

  #drawNow() {
    this.#drawn = true;
    const { counts } = this.tally;
    const { sent, arrived, lost, twice } = counts;
    this.#list.hidden = sent + arrived === 0;
    for (const name of NAMES) this.#numbers[name].textContent = String(counts[name]);
    const good = sent > 0 && arrived === sent && !twice;
    this.#list.dataset.state = lost || twice ? "bad" : good ? "good" : "waiting";
    // Said once, at the end: a word for each of fifty would be noise.
    this.#verdict.textContent = good ? `All ${sent} have arrived, each once.` : "";
  }
}
