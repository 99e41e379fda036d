/**
 * How things stand: the state, the position, the counts; and what the page is told of them.
 *
 * @typedef {import("./connection.js").State} State
 * @typedef {import("./ledger.js").Frame} Frame
 * @typedef {(type: string, detail: any, replayed?: boolean) => void} Tell
 */

import { clock } from "./clock.js";
import { Ledger } from "./ledger.js";

export class Standing {
  ledger = new Ledger();
  /** @type {State} */
  state = "connecting";
  since = clock.now();
  #tell;
  #told = { unread: 0, unseen: 0 };
  /** The page does not know yet that the user is another. */
  #switched = false;

  /** @param {Tell} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** @param {State} state */
  enter(state) {
    if (state === this.state) return;
    this.state = state;
    this.since = clock.now();
    this.#tell("state", { state, since: this.since });
  }

  /** Where the stream starts. @param {{seq: number, unread: number, unseen: number}} start */
  startAt({ seq, unread, unseen }) {
    this.ledger.begin(seq);
    this.ledger.count({ seq, unread, unseen });
    if (this.#switched) {
      this.#switched = false;
      this.#tell("reset", { seq, unread, unseen, reason: "user-changed" }, true);
    }
    this.counted();
  }

  /** The stream has brought something new. @param {Frame} frame */
  told({ kind, data, replayed }) {
    this.#tell(kind, data, replayed);
    this.counted();
  }

  /** A frame as it came. @param {import("./connection.js").Wire} wire */
  wire({ replayed, ...frame }) {
    this.#tell("frame", frame, replayed);
  }

  /** An answer has counts, perhaps newer ones. @param {any} answer */
  count(answer) {
    this.ledger.count(answer);
    this.counted();
  }

  /** The counts may have changed. */
  counted() {
    const { unread, unseen } = this.ledger;
    if (unread === this.#told.unread && unseen === this.#told.unseen) return;
    this.#told = { unread, unseen };
    this.#tell("counts", this.ledger.counts);
  }

  /** It was another user's. */
  forget() {
    this.ledger = new Ledger();
    this.#switched = true;
  }
}
