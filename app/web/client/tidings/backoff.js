/** When to try again: random, so that clients don't come all at once, and ever later. */

// The server's `retry:` is kept from scripts by EventSource; this is what it says (2 s), and
// `connected` may say otherwise.
const FIRST_MS = 2_000;
const MOST_MS = 30_000;
// A stream that lived for less may have been cut for a reason that is still there.
const GOOD_LIFE_MS = 10_000;

export class Backoff {
  #random;
  #failures = 0;
  #firstMs = FIRST_MS;

  /** @param {() => number} random in [0, 1) */
  constructor(random) {
    this.#random = random;
  }

  /** The server names its own pause. @param {unknown} retryMs */
  learn(retryMs) {
    if (typeof retryMs === "number" && retryMs > 0) this.#firstMs = retryMs;
  }

  /** A stream has ended after so many milliseconds of life. @param {number} livedMs */
  ended(livedMs) {
    this.#failures = livedMs >= GOOD_LIFE_MS ? 1 : this.#failures + 1;
  }

  /** Milliseconds until the next attempt; at least `leastMs`, if the server asked for that. */
  delay(leastMs = 0) {
    const ceiling = Math.min(MOST_MS, this.#firstMs * 2 ** Math.max(0, this.#failures - 1));
    return Math.max(leastMs, ceiling * (0.5 + this.#random() / 2));
  }
}
