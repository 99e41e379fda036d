/** Notifications, and a client that answers as a server would: what happens when is the test's to say. */

/** The minutes of an hour long ago are the order of creation. */
export function item(number, changes = {}) {
  return {
    seq: number,
    id: `n-${number}`,
    kind: "note",
    reason: "requested",
    title: `Title ${number}`,
    body: "",
    url: null,
    actor: null,
    subject: null,
    data: {},
    count: 1,
    created_at: new Date(Date.UTC(2020, 0, 1, 0, 0, number)).toISOString(),
    read_at: null,
    archived_at: null,
    snoozed_until: null,
    ...changes,
  };
}

export const THEN = "2020-01-01T01:00:00.000Z";

/** A mailbox behind the interface of a Tidings. */
export class FakeTidings extends EventTarget {
  seq = 0;
  unread = 0;
  unseen = 0;
  state = "live";
  /** Newest at the top first. */
  items = [];
  /** What was asked, in order. */
  asked = [];
  /** What the next requests are refused with. */
  refusal = null;

  /** @param {number} count */
  constructor(count) {
    super();
    for (let number = 1; number <= count; number++) this.items.unshift(item(number));
    this.seq = this.unread = this.unseen = count;
  }

  async list({ status, cursor, limit }) {
    this.asked.push(["list", { status, cursor, limit }]);
    this.#answer();
    const matches = {
      inbox: (one) => !one.archived_at && !one.snoozed_until,
      unread: (one) => !one.archived_at && !one.snoozed_until && !one.read_at,
      archived: (one) => one.archived_at,
    }[status];
    const all = this.items.filter(matches);
    const start = cursor ? all.findIndex(({ id }) => id === cursor) + 1 : 0;
    const items = all.slice(start, start + limit);
    const more = start + limit < all.length;
    return { items, next_cursor: more ? items.at(-1).id : null, seq: this.seq };
  }

  markRead = (id) => this.#patch(id, { read_at: THEN });
  markUnread = (id) => this.#patch(id, { read_at: null });
  archive = (id) => this.#patch(id, { archived_at: THEN });
  unarchive = (id) => this.#patch(id, { archived_at: null });
  snooze = (id, until) => this.#patch(id, { snoozed_until: until.toISOString() });
  unsnooze = (id) => this.#patch(id, { snoozed_until: null });

  async markAllRead(wanted) {
    this.asked.push(["markAllRead", wanted]);
    this.#answer();
    return { seq: this.seq };
  }

  async #patch(id, changes) {
    this.asked.push(["patch", id]);
    this.#answer();
    return this.change(id, changes);
  }

  #answer() {
    if (this.refusal) throw this.refusal;
  }

  /** Change one without telling; its new state. */
  change(id, changes) {
    const at = this.items.findIndex((one) => one.id === id);
    this.items[at] = { ...this.items[at], ...changes, seq: ++this.seq };
    return this.items[at];
  }

  /** A new one at the top, told live unless said otherwise. */
  create({ replayed = false, told = true } = {}) {
    const created = item(++this.seq);
    this.items.unshift(created);
    this.unread++;
    this.unseen++;
    if (told) this.tell("notification", created, replayed);
    return created;
  }

  tell(type, detail, replayed = false) {
    const counts = { unread: this.unread, unseen: this.unseen };
    const event = new CustomEvent(type, { detail: { ...counts, ...detail } });
    event.replayed = replayed;
    this.dispatchEvent(event);
  }
}
