/**
 * The notifications of one list, in order, with what the person has changed and the server has not
 * confirmed yet. It knows neither the network nor the page.
 *
 * @typedef {import("../../client/tidings.js").Notification} Notification
 * @typedef {"inbox" | "unread" | "archived"} View
 * @typedef {Partial<Notification>} Patch
 */

export class Items {
  /** @type {View} */
  view;
  /** Where the next page begins; null at the end. @type {string | null} */
  cursor = null;
  /** Up to which change the list is known. */
  seq = 0;
  /** What the server last said. @type {Map<string, Notification>} */
  #known = new Map();
  /** What the person wants it to be, oldest first. @type {Map<string, Patch[]>} */
  #wishes = new Map();
  /**
   * Ids, newest first. What has left the list (archived, snoozed) keeps its place, so that a
   * rollback or an undo puts it back where it was.
   * @type {string[]}
   */
  #order = [];
  /** Which change put it at the top, where that is known. @type {Map<string, number>} */
  #surfaced = new Map();
  /** What waits to be shown at the top, and since which change. @type {Map<string, number>} */
  #held = new Map();
  /** What was unread once in this list: in that of the unread it stays. @type {Set<string>} */
  #wasUnread = new Set();

  /** @param {View} view */
  constructor(view) {
    this.view = view;
  }

  /** What is to be shown, newest first, as the person wants it. @returns {Notification[]} */
  get rows() {
    const rows = this.#order.map((id) => /** @type {Notification} */ (this.get(id)));
    if (this.view !== "unread") return rows.filter((row) => belongs(row, this.view));
    return rows.filter((row) => this.#wasUnread.has(row.id) && belongs(row, "inbox"));
  }

  /** How many wait to be shown. */
  get held() {
    return [...this.#held.keys()].filter((id) => {
      const item = this.get(id);
      return item && belongs(item, this.view);
    }).length;
  }

  /** Nothing that surfaced after this has been shown. */
  get shownThrough() {
    return Math.min(this.seq, ...[...this.#held.values()].map((seq) => seq - 1));
  }

  /** @param {string} id @returns {Notification | null} as the person wants it */
  get(id) {
    const known = this.#known.get(id);
    const wishes = this.#wishes.get(id);
    if (!known || !wishes) return known ?? null;
    return Object.assign({}, known, ...wishes);
  }

  /** @param {string} id @returns {Notification | null} as the server last said */
  known(id) {
    return this.#known.get(id) ?? null;
  }

  /**
   * Take in the state of one; whichever is newer stands.
   * @param {Notification} item
   * @param {{surfaces?: boolean, hold?: boolean}} [how] `surfaces`: it moves to the top; `hold`: not
   *   before `release()`
   * @returns {boolean} false if it belongs into the list and nobody can tell where
   */
  take(item, { surfaces = false, hold = false } = {}) {
    const known = this.#known.get(item.id);
    if (known && known.seq >= item.seq) return true;
    this.#learn(item);
    this.seq = Math.max(this.seq, item.seq);
    if (surfaces) {
      if (hold) this.#held.set(item.id, item.seq);
      else this.#toTop(item.id, item.seq);
      return true;
    }
    return this.#order.includes(item.id) || this.#held.has(item.id) || !this.#isMissing(item);
  }

  /** Add the next page. @param {{items: Notification[], next_cursor: string | null}} page */
  append({ items, next_cursor }) {
    const placed = new Set(this.#order);
    for (const item of items) {
      this.#learn(item);
      if (!placed.has(item.id) && !this.#held.has(item.id)) this.#order.push(item.id);
    }
    this.cursor = next_cursor;
  }

  /**
   * Put what the server lists in place of what was known.
   * @param {{items: Notification[], next_cursor: string | null, seq: number}} list
   * @param {boolean} hold what is new at the top waits
   */
  replace({ items, next_cursor, seq }, hold) {
    const before = this.#order;
    const past = this.seq;
    for (const item of items) this.#learn(item);
    let ids = items.map(({ id }) => id);
    if (hold && before.length) ids = this.#holdBack(ids, past + 1);
    else this.#held.clear();
    const listed = new Set(ids);
    const later = before.filter((id) => !listed.has(id) && (this.#surfaced.get(id) ?? 0) > seq);
    this.#order = [...later, ...ids];
    this.#keepPlaces(before);
    this.cursor = next_cursor;
    this.seq = Math.max(past, seq);
  }

  /**
   * Of a list that was read anew, what may be shown now; what is new at its top waits.
   * @param {string[]} ids @param {number} since
   */
  #holdBack(ids, since) {
    const still = new Set(this.#order.filter((id) => !this.#held.has(id)));
    const first = ids.findIndex((id) => still.has(id));
    const fresh = first < 0 ? ids : ids.slice(0, first);
    // They came after what was known; that they were at the top says no more.
    for (const id of [...fresh].reverse()) this.#held.set(id, this.#held.get(id) ?? since);
    return first < 0 ? this.#order : ids.slice(first).filter((id) => !this.#held.has(id));
  }

  /** Show at the top what has waited. */
  release() {
    const held = [...this.#held].sort(([, a], [, b]) => a - b);
    this.#held.clear();
    for (const [id, seq] of held) this.#toTop(id, seq);
  }

  /**
   * The person wants it to be so. The result takes the wish back.
   * @param {string} id @param {Patch} patch
   */
  wish(id, patch) {
    const wishes = this.#wishes.get(id) ?? [];
    this.#wishes.set(id, [...wishes, patch]);
    return () => {
      const left = (this.#wishes.get(id) ?? []).filter((wish) => wish !== patch);
      if (left.length) this.#wishes.set(id, left);
      else this.#wishes.delete(id);
    };
  }

  /** The server agreed, and its word on each is still under way. @param {string} id @param {Patch} patch */
  settle(id, patch) {
    const known = this.#known.get(id);
    if (known) this.#known.set(id, { ...known, ...patch });
  }

  /** @param {string} id @param {number} seq */
  #toTop(id, seq) {
    this.#order = [id, ...this.#order.filter((other) => other !== id)];
    this.#surfaced.set(id, seq);
    this.#held.delete(id);
  }

  /** @param {Notification} item */
  #learn(item) {
    const known = this.#known.get(item.id);
    if (known && known.seq > item.seq) return;
    this.#known.set(item.id, item);
    if (belongs(item, "unread")) this.#wasUnread.add(item.id);
  }

  /** Whether it should be among what is loaded; what is older comes with a later page. @param {Notification} item */
  #isMissing(item) {
    if (!belongs(item, this.view)) return false;
    const last = this.#order.length ? this.#known.get(this.#order[this.#order.length - 1]) : null;
    return this.cursor === null || !last || item.created_at >= last.created_at;
  }

  /** What is not listed any more, and may come back or be shown on, stays after what it followed. @param {string[]} before */
  #keepPlaces(before) {
    const placed = new Set(this.#order);
    let previous = -1;
    for (const id of before) {
      if (placed.has(id)) {
        previous = this.#order.indexOf(id);
      } else if (this.#keepsPlace(id)) {
        this.#order.splice(++previous, 0, id);
      }
    }
  }

  /** @param {string} id */
  #keepsPlace(id) {
    const stays = this.view === "unread" && this.#wasUnread.has(id);
    return stays || this.#wishes.has(id) || this.#held.has(id);
  }
}

/** @param {Notification} item @param {View} view */
export function belongs(item, view) {
  if (view === "archived") return Boolean(item.archived_at);
  if (item.archived_at || item.snoozed_until) return false;
  return view === "inbox" || !item.read_at;
}
