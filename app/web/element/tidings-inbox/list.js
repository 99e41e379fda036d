/** The rows, and which of them the keyboard is on. */

import { el } from "./dom.js";
import { Row } from "./row.js";

/** @typedef {import("../../client/tidings.js").Notification} Notification */

export class List {
  element = el("ul", { role: "list", part: "list" });
  #speech;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {string[]} */
  #ids = [];
  /** The row that the tab key leads to. @type {string | null} */
  #current = null;

  /** @param {import("./row.js").Speech} speech */
  constructor(speech) {
    this.#speech = speech;
    this.element.addEventListener("focusin", (/** @type {any} */ event) => {
      const id = event.target.closest("li")?.dataset.id;
      if (id) this.#become(id);
    });
  }

  /** @param {Notification[]} items */
  show(items) {
    const focused = this.focused;
    const ids = items.map(({ id }) => id);
    const neighbour = focused && !ids.includes(focused) ? this.#neighbour(focused, ids) : null;
    for (const item of items) this.#showRow(item);
    const wanted = new Set(ids);
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    this.#arrange(ids);
    this.#ids = ids;
    if (!this.#current || !wanted.has(this.#current)) this.#become(neighbour ?? ids[0] ?? null);
    // The focus goes to where the reader is, and never back to the top of the page.
    if (neighbour) this.focus(neighbour);
    return Boolean(focused) && !this.focused;
  }

  /** Keep the times true. */
  tick() {
    for (const row of this.#rows.values()) row.tick();
  }

  /** @param {string} id */
  row(id) {
    return this.#rows.get(id) ?? null;
  }

  /** The id of the row that the focus is in. @returns {string | null} */
  get focused() {
    const root = /** @type {ShadowRoot} */ (this.element.getRootNode());
    const row = root.activeElement?.closest?.("li.row");
    return row instanceof HTMLElement ? (row.dataset.id ?? null) : null;
  }

  /** @param {string} id */
  focus(id) {
    this.#rows.get(id)?.main.focus();
  }

  /** Move the focus by so many rows; from outside it comes to the row where it was. @param {number} by */
  move(by) {
    const at = this.focused === null ? -1 : this.#ids.indexOf(this.focused);
    const next = at < 0 ? Math.max(0, this.#ids.indexOf(this.#current ?? "")) : at + by;
    this.focusAt(next);
  }

  /** Focus the nth row, or the nearest there is. @param {number} index */
  focusAt(index) {
    const id = this.#ids[Math.max(0, Math.min(index, this.#ids.length - 1))];
    if (id) this.focus(id);
  }

  /** @param {Notification} item */
  #showRow(item) {
    const row = this.#rows.get(item.id);
    if (!row) this.#rows.set(item.id, new Row(item, this.#speech));
    else if (!same(row.item, item)) row.show(item);
  }

  /** Put the rows in order, and move none that is in its place. @param {string[]} ids */
  #arrange(ids) {
    let next = this.element.firstChild;
    for (const id of ids) {
      const { element } = /** @type {Row} */ (this.#rows.get(id));
      if (element === next) next = next.nextSibling;
      else this.element.insertBefore(element, next);
    }
  }

  /** The row that takes the place of one that goes. @param {string} id @param {string[]} left */
  #neighbour(id, left) {
    const at = this.#ids.indexOf(id);
    const remains = new Set(left);
    const below = this.#ids.slice(at + 1).find((other) => remains.has(other));
    return below ?? this.#ids.slice(0, at).findLast((other) => remains.has(other)) ?? null;
  }

  /** @param {string | null} id */
  #become(id) {
    if (this.#current && this.#current !== id) {
      const before = this.#rows.get(this.#current);
      if (before) before.current = false;
    }
    this.#current = id;
    const row = id ? this.#rows.get(id) : null;
    if (row) row.current = true;
  }
}

/** @param {Notification} a @param {Notification} b */
function same(a, b) {
  return (
    a.seq === b.seq &&
    a.read_at === b.read_at &&
    a.archived_at === b.archived_at &&
    a.snoozed_until === b.snoozed_until
  );
}
