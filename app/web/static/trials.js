/** Three ways to try to lose a notification, each by what a product could do as well. */

import { el } from "./dom.js";

const at = (id) => document.getElementById(id);
const inSeconds = (seconds) => `${seconds} s`;

export class Trials {
  #parts;
  #seconds;
  #left = 0;
  #timer;
  // Who sends tells the other pages of the demo how many to expect: those may be offline.
  #channel = new BroadcastChannel("tidings-demo");

  /**
   * @param {{tidings: any, api: any, me: any, people: any[], log: any, score: any, report: any,
   *   turned: () => void}} parts `turned` is called when the page has gone offline, or come back
   * @param {number} seconds to be offline
   */
  constructor(parts, seconds) {
    this.#parts = parts;
    this.#seconds = seconds;
    const { me, people } = parts;
    const names = people.map(({ id, name }) => el("option", { value: id }, name));
    at("burst-to").replaceChildren(...names);
    at("burst-to").value = me.id;
    this.#channel.onmessage = ({ data }) => this.#expect(data);
    at("offline").addEventListener("click", () => (this.offline ? this.#comeBack() : this.#go()));
    at("restart").addEventListener("click", () => this.#restart());
    at("burst").addEventListener("submit", (event) => this.#send(event));
    this.#show();
  }

  /** Whether the page is offline on purpose. */
  get offline() {
    return this.#left > 0;
  }

  #go() {
    const { tidings, log, turned } = this.#parts;
    tidings.pause();
    this.#left = this.#seconds;
    this.#timer = setInterval(() => this.#tick(), 1_000);
    log.note(`Offline for ${inSeconds(this.#seconds)}, on purpose: the stream is closed after ${tidings.seq}`);
    this.#show();
    turned();
  }

  #tick() {
    this.#left--;
    if (this.#left > 0) this.#show();
    else this.#comeBack();
  }

  #comeBack() {
    const { tidings, log, turned } = this.#parts;
    clearInterval(this.#timer);
    this.#left = 0;
    log.note("Back: asks for what came meanwhile");
    tidings.resume();
    this.#show();
    turned();
  }

  #restart() {
    const { tidings, log } = this.#parts;
    log.note(`The stream is closed after ${tidings.seq}, and opened again`);
    tidings.pause();
    tidings.resume();
  }

  async #send(event) {
    event.preventDefault();
    const { api, report } = this.#parts;
    const to = at("burst-to").value;
    try {
      const { burst, sent } = await api.post("/board/api/burst", { to });
      this.#channel.postMessage({ to, burst, sent });
      this.#expect({ to, burst, sent });
    } catch (error) {
      report(error);
    }
  }

  #expect({ to, burst, sent }) {
    const { me, score } = this.#parts;
    if (to !== me.id) return;
    score.tally.expect(burst, sent);
    score.draw();
  }

  #show() {
    const left = el("span", { className: "left", ariaHidden: "true" }, inSeconds(this.#left));
    const label = this.offline ? ["Come back now", left] : [`Go offline for ${inSeconds(this.#seconds)}`];
    at("offline").replaceChildren(...label);
    at("offline").classList.toggle("going", this.offline);
    at("restart").disabled = this.offline;
  }
}
