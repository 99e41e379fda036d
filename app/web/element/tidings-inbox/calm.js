/** The connection's state, calmly: a short cut is nobody's business. */

const PATIENCE_MS = 5_000;

export class Calm {
  /** Whether it has been away for so long that the person should know. */
  offline = false;
  #clock;
  #changed;
  #cancel = () => {};

  /** @param {import("../../client/tidings/clock.js").Clock} clock @param {() => void} changed */
  constructor(clock, changed) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** @param {{state: string, since: number}} now */
  take({ state, since }) {
    const away = state === "offline" || state === "connecting";
    // From one kind of being away to another the patience runs on.
    if (away && this.#waits) return;
    this.stop();
    this.#become(false);
    if (!away) return;
    const left = Math.max(0, since + PATIENCE_MS - this.#clock.now());
    this.#waits = true;
    this.#cancel = this.#clock.after(left, () => this.#become(true));
  }

  stop() {
    this.#cancel();
    this.#waits = false;
  }

  #waits = false;

  /** @param {boolean} offline */
  #become(offline) {
    if (offline === this.offline) return;
    this.offline = offline;
    this.#changed();
  }
}
