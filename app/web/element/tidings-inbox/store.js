/**
 * What the panel shows: one list, kept in step with the server.
 *
 * @typedef {import("./items.js").View} View
 * @typedef {import("../../client/tidings.js").Notification} Notification
 * @typedef {import("../../client/tidings/clock.js").Clock} Clock
 *
 * `idle`: nothing was asked for yet.
 * @typedef {"idle" | "loading" | "ready" | "failed"} Phase
 */

import { Changes } from "./changes.js";
import { belongs, Items } from "./items.js";
import { hasSurfaced, Tally } from "./surfacing.js";

const PAGE = 30;
const LARGEST_PAGE = 100;
// What happens together is read anew once.
const RELOAD_AFTER_MS = 80;

export class Store extends EventTarget {
  /** @type {Phase} */
  phase = "idle";
  loadingMore = false;
  moreFailed = false;
  /** Whether nothing is to be put at the top now: the person reads further down. */
  hold = () => false;
  /** Narrows the list. @type {{kind?: string, subject?: string}} */
  filter = {};
  /** What the person does. */
  changes;
  #api;
  #clock;
  #items = new Items("inbox");
  /** Counts lists, so that late answers for an earlier one are void. */
  #list = 0;
  #active = false;
  /** The list may be wrong, and is to be read anew. */
  #stale = false;
  /** @type {(() => void) | null} */
  #cancelReload = null;
  /** The mailbox's watermarks, as far as they were told. @type {{read: number, seen: number} | null} */
  #marks = null;
  #tally;
  /** @type {[string, (event: any) => void][]} */
  #listeners;

  /** @param {any} api a Tidings @param {Clock} clock */
  constructor(api, clock) {
    super();
    this.#api = api;
    this.#clock = clock;
    this.#tally = new Tally(api);
    this.changes = new Changes(api, clock, {
      items: () => this.#items,
      filter: () => this.filter,
      changed: () => this.#changed(),
      mistrust: () => this.#mistrust(),
      refused: (error) => this.dispatchEvent(new CustomEvent("refused", { detail: error })),
    });
    this.#listeners = [
      ["notification", (event) => this.#told(event, true)],
      ["updated", (event) => this.#told(event, false)],
      ["mailbox", (event) => this.#mailbox(event)],
      ["reset", (event) => this.#reset(event.detail)],
      ["state", (event) => event.detail.state === "live" && this.#backAgain()],
    ];
    for (const [type, listener] of this.#listeners) api.addEventListener(type, listener);
  }

  /** Let go of the client. */
  close() {
    this.active = false;
    for (const [type, listener] of this.#listeners) this.#api.removeEventListener(type, listener);
  }

  get view() {
    return this.#items.view;
  }

  get rows() {
    return this.#items.rows;
  }

  get held() {
    return this.#items.held;
  }

  get shownThrough() {
    return this.#items.shownThrough;
  }

  get hasMore() {
    return this.#items.cursor !== null;
  }

  /** @param {string} id */
  get(id) {
    return this.#items.get(id);
  }

  /** Whether somebody looks. A list that nobody looks at is read anew when somebody does. */
  get active() {
    return this.#active;
  }

  set active(active) {
    this.#active = active;
    if (!active) this.#cancelReload?.();
    if (!active) this.#cancelReload = null;
    else if (this.#stale && this.phase === "ready") void this.#reload();
  }

  /** Show another list, or the same one afresh. @param {View} view */
  async enter(view) {
    const list = ++this.#list;
    this.#items = new Items(view);
    this.#become("loading");
    try {
      const page = await this.#page(null, PAGE);
      if (list !== this.#list) return;
      this.#items.replace(page, false);
      this.#stale = false;
      this.#become("ready");
    } catch {
      if (list === this.#list) this.#become("failed");
    }
  }

  /** Load the next page, unless that is under way or there is none. */
  async more() {
    if (this.phase !== "ready" || this.loadingMore || !this.hasMore) return;
    const list = this.#list;
    const cursor = this.#items.cursor;
    this.loadingMore = true;
    this.moreFailed = false;
    this.#changed();
    try {
      const page = await this.#page(cursor, LARGEST_PAGE);
      // Read anew meanwhile, the list may end elsewhere, and what lies between would be missing.
      if (list === this.#list && cursor === this.#items.cursor) this.#items.append(page);
    } catch {
      if (list === this.#list) this.moreFailed = true;
    }
    if (list === this.#list) this.loadingMore = false;
    this.#changed();
  }

  /** Show at the top what has come meanwhile. */
  release() {
    this.#items.release();
    this.#changed();
  }

  /** @param {{detail: any, replayed: boolean}} event @param {boolean} isNew */
  #told({ detail, replayed }, isNew) {
    // What another service published has no place in the order, and none in the list.
    if (typeof detail?.seq !== "number" || typeof detail.id !== "string") return;
    const rise = this.#tally.take(detail);
    if (!this.#started || !this.#matches(detail)) return;
    const known = this.#items.known(detail.id);
    const surfaces = isNew || hasSurfaced(known, detail, rise);
    // A replay comes in the order of the latest changes, which is not that of the list, and its
    // counts are those of now: nobody can tell what surfaced.
    if (replayed && (surfaces || !known || !belongs(known, "inbox"))) this.#mistrust();
    else if (!this.#items.take(detail, { surfaces, hold: this.hold() })) this.#mistrust();
    this.#changed();
  }

  /** @param {{detail: any, replayed: boolean}} event */
  #mailbox({ detail, replayed }) {
    const before = this.#marks;
    this.#tally.take(detail);
    this.#marks = { read: detail.read_through, seen: detail.seen_through };
    const onlySeen =
      before && before.read === detail.read_through && before.seen < detail.seen_through;
    if (replayed || !onlySeen) this.#mistrust();
  }

  /** @param {{unread: number, unseen: number, reason: string}} detail */
  #reset({ reason, ...counts }) {
    this.#marks = null;
    this.#tally.take(counts);
    if (!this.#started) return;
    // Nothing of what is shown may be believed, or it is another person's.
    if (reason === "user-changed" || reason === "from-the-future") void this.enter(this.view);
    else this.#mistrust();
  }

  /** What failed while the server was away may work now. */
  #backAgain() {
    if (this.phase === "failed" && this.#active) void this.enter(this.view);
    else if (this.#stale) this.#reloadSoon();
  }

  get #started() {
    return this.phase === "ready" || this.phase === "loading";
  }

  /** @param {Notification} item */
  #matches({ kind, subject }) {
    const wanted = this.filter;
    if (wanted.kind && wanted.kind !== kind) return false;
    return !wanted.subject || wanted.subject === (subject && `${subject.type}/${subject.id}`);
  }

  #mistrust() {
    if (!this.#started) return;
    this.#stale = true;
    this.#reloadSoon();
  }

  #reloadSoon() {
    if (!this.#active || this.#cancelReload) return;
    this.#cancelReload = this.#clock.after(RELOAD_AFTER_MS, () => {
      this.#cancelReload = null;
      void this.#reload();
    });
  }

  /** Read anew as much as is shown, without a flicker. */
  async #reload() {
    if (this.phase !== "ready") return;
    const list = this.#list;
    const wanted = () => Math.max(this.rows.length, PAGE); // more may be shown meanwhile
    this.#stale = false;
    try {
      const found = await this.#page(null, Math.min(wanted(), LARGEST_PAGE));
      while (found.next_cursor !== null && found.items.length < wanted()) {
        const next = await this.#page(found.next_cursor, LARGEST_PAGE);
        if (list !== this.#list) return;
        found.items.push(...next.items);
        found.next_cursor = next.next_cursor;
      }
      if (list === this.#list) this.#items.replace(found, this.hold());
    } catch {
      // Tried again when the stream is live again, or the panel is opened.
      this.#stale = true;
    }
    this.#changed();
  }

  /** @param {string | null} cursor @param {number} limit */
  #page(cursor, limit) {
    return this.#api.list({ status: this.view, cursor, limit, ...this.filter });
  }

  /** @param {Phase} phase */
  #become(phase) {
    this.phase = phase;
    this.loadingMore = this.moreFailed = false;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
