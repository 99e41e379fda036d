/**
 * Tidings in a browser: one person's notifications, live.
 *
 *     import { Tidings } from "/static/tidings.js";
 *     const tidings = new Tidings();
 *     tidings.addEventListener("notification", ({ detail }) => console.log(detail.title));
 *     const { items } = await tidings.list();
 *
 * All tabs of a person share one stream. Types are in `tidings.d.ts`.
 *
 * @typedef {string | {type: string, id: string}} Subject
 * @typedef {{status?: string, kind?: string, subject?: Subject, cursor?: string | null, limit?: number}} Filters
 */

import { TidingsError } from "./tidings/rest.js";
import { Session } from "./tidings/session.js";

export { TidingsError };

// A list that the stream has overtaken is asked for again; not for ever.
const MOST_LISTS = 3;

/** An event of a Tidings; `replayed` if it tells of something that happened while nobody looked. */
class TidingsEvent extends CustomEvent {
  /** @type {boolean} */
  replayed;

  /** @param {string} type @param {any} detail @param {boolean} [replayed] */
  constructor(type, detail, replayed = false) {
    super(type, { detail });
    this.replayed = replayed;
  }
}

export class Tidings extends EventTarget {
  #session;

  /** @param {import("./tidings/session.js").Options} [options] */
  constructor(options = {}) {
    super();
    this.#session = new Session(options, (type, detail, replayed) =>
      this.dispatchEvent(new TidingsEvent(type, detail, replayed)),
    );
  }

  get state() {
    return this.#session.state;
  }

  /** Unix time in milliseconds since which the state is what it is. */
  get since() {
    return this.#session.since;
  }

  get unread() {
    return this.#session.ledger.unread;
  }

  get unseen() {
    return this.#session.ledger.unseen;
  }

  /** Up to which change this client has been told; null while that is not known. */
  get seq() {
    return this.#session.ledger.position;
  }

  /** Let go of the stream until `resume()`: the state is `offline`. Other tabs go on. */
  pause() {
    this.#session.pause();
  }

  /** Stream again, from where it was: what came meanwhile is told, as a replay. */
  resume() {
    this.#session.resume();
  }

  /** End it. Other tabs go on. */
  close() {
    this.#session.close();
  }

  /** A page of notifications; never an older state than the events that were dispatched. @param {Filters} [filters] */
  list(filters = {}) {
    const listed = this.#list(filters);
    this.#session.startAfter(listed);
    return listed;
  }

  /** @param {string} id */
  get(id) {
    return this.#session.request("GET", `notifications/${encodeURIComponent(id)}`);
  }

  /** @param {string} id */
  markRead(id) {
    return this.#patch(id, { read: true });
  }

  /** @param {string} id */
  markUnread(id) {
    return this.#patch(id, { read: false });
  }

  /** @param {string} id */
  archive(id) {
    return this.#patch(id, { archived: true });
  }

  /** @param {string} id */
  unarchive(id) {
    return this.#patch(id, { archived: false });
  }

  /** @param {string} id @param {Date | string | number} until */
  snooze(id, until) {
    return this.#patch(id, { snoozed_until: new Date(until).toISOString() });
  }

  /** @param {string} id */
  unsnooze(id) {
    return this.#patch(id, { snoozed_until: null });
  }

  /**
   * Read all, or all that match; but nothing that came after `upTo`, which the person has not seen.
   * @param {{upTo?: number, status?: string, kind?: string, subject?: Subject}} [options]
   */
  markAllRead({ upTo, status, kind, subject } = {}) {
    const filter = { status, kind, subject: subject && keyOf(subject) };
    return this.#session.request("POST", "notifications/bulk", {
      action: "read",
      filter,
      up_to: upTo ?? this.seq ?? 0,
    });
  }

  /** The person has seen the list, up to this change. */
  markSeen(upTo = this.seq ?? 0) {
    return this.#session.request("PUT", "mailbox/seen", { up_to: upTo });
  }

  /** @param {Subject} subject */
  subject(subject) {
    return this.#session.request("GET", pathOf(subject));
  }

  /** @param {Subject} subject */
  follow(subject) {
    return this.#session.request("PUT", `${pathOf(subject)}/follow`);
  }

  /** @param {Subject} subject */
  unfollow(subject) {
    return this.#session.request("DELETE", `${pathOf(subject)}/follow`);
  }

  preferences() {
    return this.#session.request("GET", "preferences");
  }

  /** @param {{muted_kinds?: string[], muted_subjects?: string[]}} preferences */
  setPreferences(preferences) {
    return this.#session.request("PUT", "preferences", preferences);
  }

  /** @param {Filters} filters */
  async #list({ subject, ...rest }) {
    const wanted = { ...rest, subject: subject && keyOf(subject) };
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(wanted)) {
      if (value !== undefined && value !== null) search.set(name, String(value));
    }
    const path = `notifications?${search}`;
    let page = await this.#session.request("GET", path);
    for (let asked = 1; asked < MOST_LISTS && page.seq < (this.seq ?? 0); asked++) {
      page = await this.#session.request("GET", path);
    }
    return page;
  }

  /** @param {string} id @param {object} wanted */
  #patch(id, wanted) {
    return this.#session.request("PATCH", `notifications/${encodeURIComponent(id)}`, wanted);
  }
}

/** @param {Subject} subject */
function keyOf(subject) {
  return typeof subject === "string" ? subject : `${subject.type}/${subject.id}`;
}

/** @param {Subject} subject */
function pathOf(subject) {
  const [type, ...id] = keyOf(subject).split("/");
  return `subjects/${encodeURIComponent(type)}/${encodeURIComponent(id.join("/"))}`;
}
