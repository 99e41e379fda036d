/**
 * Which toasts are up: at most three, a burst as one, and none while the person points at them goes
 * away. It knows nothing of the page.
 *
 * @typedef {import("../../client/tidings.js").Notification} Notification
 * @typedef {import("../../client/tidings/clock.js").Clock} Clock
 *
 * `item` is null for one that stands for `count`.
 * @typedef {{key: number, item: Notification | null, count: number}} Toast
 */

import { hasSurfaced } from "./surfacing.js";

const MOST = 3;
const STAY_MS = 7_000;
// Long enough to tell a burst from a single one, short enough not to be late.
const GATHER_MS = 300;

export class Toasts {
  /** Oldest first. @type {Toast[]} */
  shown = [];
  #clock;
  #changed;
  /** @type {Notification[]} */
  #gathered = [];
  #cancelGather = () => {};
  #held = false;
  #lastKey = 0;
  /** @type {Map<number, () => void>} */
  #ends = new Map();

  /** @param {Clock} clock @param {() => void} changed */
  constructor(clock, changed) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** @param {Notification} item */
  arrive(item) {
    this.#gathered = this.#gathered.filter(({ id }) => !id || id !== item.id);
    this.#gathered.push(item);
    if (this.#gathered.length === 1) {
      this.#cancelGather();
      this.#cancelGather = this.#clock.after(GATHER_MS, () => this.#show());
    }
  }

  /** It was read, archived or snoozed: no need to tell of it any more. @param {string} id */
  settle(id) {
    this.#gathered = this.#gathered.filter((item) => item.id !== id);
    const toast = this.shown.find(({ item }) => item?.id === id);
    if (toast) this.dismiss(toast.key);
  }

  /** @param {number} key */
  dismiss(key) {
    this.#remove(key);
    this.#changed();
  }

  /** The list says it all now. */
  clear() {
    this.#cancelGather();
    this.#gathered = [];
    for (const { key } of this.shown) this.#remove(key);
    this.#changed();
  }

  /** The person points at a toast, or has the focus in it: nothing goes away. */
  hold() {
    this.#held = true;
    for (const cancel of this.#ends.values()) cancel();
    this.#ends.clear();
  }

  /** The person has turned away. */
  release() {
    if (!this.#held) return;
    this.#held = false;
    for (const { key } of this.shown) this.#endLater(key);
  }

  #show() {
    const fresh = this.#gathered;
    this.#gathered = [];
    if (!fresh.length) return;
    const summary = this.shown.find(({ item }) => !item);
    if (summary) {
      summary.count += fresh.length;
      this.#endLater(summary.key);
    } else if (fresh.length > MOST) {
      this.#add(null, fresh.length);
    } else {
      for (const item of fresh) this.#add(item, 1);
    }
    // While they are held, the newest wait their turn rather than push away what is pointed at.
    while (this.shown.length > MOST) this.#merge();
    this.#changed();
  }

  /** @param {Notification | null} item @param {number} count */
  #add(item, count) {
    if (item) this.shown.filter((toast) => toast.item?.id === item.id).forEach((old) => this.#remove(old.key));
    const toast = { key: ++this.#lastKey, item, count };
    this.shown = [...this.shown, toast];
    this.#endLater(toast.key);
  }

  /** One too many: held ones stay where they are and the newest become one; else the oldest goes. */
  #merge() {
    if (!this.#held) return this.#remove(this.shown[0].key);
    const [last, beforeLast] = this.shown.slice(-2).reverse();
    this.#remove(last.key);
    this.#remove(beforeLast.key);
    this.#add(null, last.count + beforeLast.count);
  }

  /** @param {number} key */
  #endLater(key) {
    this.#ends.get(key)?.();
    if (this.#held) return;
    this.#ends.set(key, this.#clock.after(STAY_MS, () => this.dismiss(key)));
  }

  /** @param {number} key */
  #remove(key) {
    this.#ends.get(key)?.();
    this.#ends.delete(key);
    this.shown = this.shown.filter((toast) => toast.key !== key);
  }
}

/**
 * Whether an event is news for somebody who looks elsewhere.
 * @param {{type: string, detail: any, replayed: boolean}} event
 * @param {Notification | null} known as it was before
 * @param {import("./surfacing.js").Counts} rise by how much it raised the counts
 */
export function isNews({ type, detail, replayed }, known, rise) {
  if (replayed || !detail || typeof detail.title !== "string") return false;
  if (detail.read_at || detail.archived_at || detail.snoozed_until) return false;
  return type === "notification" || hasSurfaced(known, detail, rise);
}
