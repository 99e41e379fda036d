/**
 * How long a stream may be silent. The server sends a `ping` whenever nothing else was sent for its
 * keep-alive time, which is a setting of the server's: it is learnt from the pings themselves.
 */

// KEEPALIVE_SECONDS is 15 and can be 50 at most: until pings have been heard, only this is certain.
const UNKNOWN_LIMIT_MS = 60_000;
const UNKNOWN_BRIEF_MS = 20_000;
// Three missed in a row mean a dead link; after a sleep or a change of network, one is enough.
const MISSED_PINGS = 3;
const BRIEF_PINGS = 1.5;
const GAPS_KEPT = 5;
const GAPS_NEEDED = 2;

export class Patience {
  /** @type {number[]} */
  #gaps = [];

  /**
   * A ping came after so many milliseconds of silence.
   * @param {number} gapMs
   */
  heardPing(gapMs) {
    this.#gaps = [...this.#gaps.slice(1 - GAPS_KEPT), gapMs];
  }

  /** What was learnt proved wrong, or may have. */
  forget() {
    this.#gaps = [];
  }

  /** Silence after which a link is dead, in milliseconds. */
  get limitMs() {
    return this.#times(MISSED_PINGS) ?? UNKNOWN_LIMIT_MS;
  }

  /** The same where there is a reason to doubt the link. */
  get briefMs() {
    return this.#times(BRIEF_PINGS) ?? UNKNOWN_BRIEF_MS;
  }

  /** @param {number} factor */
  #times(factor) {
    if (this.#gaps.length < GAPS_NEEDED) return null;
    // The longest: pings come faster while the server's database is away, or all at once when a
    // busy page gets round to them.
    return Math.max(1_000, ...this.#gaps) * factor;
  }
}
