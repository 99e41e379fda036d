/** The latest frames, without a hole between them, for a tab that missed some. */

/** @typedef {import("./ledger.js").Frame} Frame */

// As many as a server replays (REPLAY_LIMIT).
const FRAMES_KEPT = 500;

export class History {
  /** @type {Frame[]} */
  #frames = [];
  /** The position from which the frames lead on, and the one that they lead to. */
  #start = Infinity;
  #end = -Infinity;

  /** @param {Frame} frame */
  add(frame) {
    const { kind, prev, seq } = frame;
    if (seq === null || (kind !== "reset" && seq <= this.#end)) return;
    if (kind === "reset") {
      // It leads there from anywhere below.
      this.#frames = [];
      this.#start = -1;
    } else if (!(prev <= this.#end)) {
      this.#frames = [];
      this.#start = prev;
    }
    this.#frames.push(frame);
    this.#end = seq;
    while (this.#frames.length > FRAMES_KEPT) {
      const dropped = /** @type {Frame} */ (this.#frames.shift());
      this.#start = /** @type {number} */ (dropped.seq);
    }
  }

  /** What leads on from a position; null if that is not known here. @param {number} after */
  since(after) {
    if (after < this.#start) return null;
    return this.#frames.filter(({ seq }) => /** @type {number} */ (seq) > after);
  }
}
