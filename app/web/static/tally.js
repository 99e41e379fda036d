/**
 * Of what was sent in bursts: how many have arrived, once and in order.
 *
 * It counts what the client tells the page, by the numbers that the sender gave. They are told in
 * order, so a number that was passed over is lost, and what is above the highest is on its way.
 */

export class Tally {
  /** By the name of the burst. */
  #bursts = new Map();
  #twice = 0;

  /** So many were sent under this name. It may be known before the first arrives, or after. */
  expect(name, of) {
    this.#burst(name).of = of;
  }

  /** A notification was told. Returns whether it was of a burst. */
  take({ data }) {
    if (typeof data?.burst !== "string") return false;
    const burst = this.#burst(data.burst);
    burst.of = data.of;
    if (burst.numbers.has(data.number)) this.#twice++;
    burst.numbers.add(data.number);
    burst.highest = Math.max(burst.highest, data.number);
    return true;
  }

  /** Continuity is lost: what was not told is in the list. */
  forget() {
    this.#bursts.clear();
    this.#twice = 0;
  }

  get counts() {
    const bursts = [...this.#bursts.values()];
    const sum = (of) => bursts.reduce((total, burst) => total + of(burst), 0);
    return {
      sent: sum(({ of }) => of),
      arrived: sum(({ numbers }) => numbers.size),
      lost: sum(({ numbers, highest }) => highest - numbers.size),
      twice: this.#twice,
    };
  }

  #burst(name) {
    if (!this.#bursts.has(name)) this.#bursts.set(name, { of: 0, numbers: new Set(), highest: 0 });
    return this.#bursts.get(name);
  }
}
