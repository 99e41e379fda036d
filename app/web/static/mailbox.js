/**
 * What one person has been told, as the server tells it. Nothing is counted here: `unread` and
 * `unseen` are the server's. Dispatches `change`.
 */

const URL_OF_LIST = "/api/v1/notifications";
const URL_OF_SEEN = "/api/v1/mailbox/seen";

export class Mailbox extends EventTarget {
  /** Newest first. */
  items = [];
  unread = 0;
  unseen = 0;
  /** Up to which version this page shows everything. An answer may be ahead of the stream. */
  shownThrough = 0;

  #api;
  #countedAt = 0;
  #cursor = null;

  constructor(api) {
    super();
    this.#api = api;
  }

  get hasOlder() {
    return this.#cursor !== null;
  }

  /** Fetch the newest page, in place of whatever is shown. */
  async load() {
    const page = await this.#api.get(URL_OF_LIST);
    // What a stream brought while the page was on its way is newer than the page.
    const newer = this.items.filter((item) => item.seq > page.seq);
    const known = new Set(newer.map((item) => item.id));
    this.items = [...newer, ...page.items.filter((item) => !known.has(item.id))];
    this.#cursor = page.next_cursor;
    this.follow(page);
  }

  /** Fetch the next page of older ones. */
  async loadOlder() {
    const query = new URLSearchParams({ cursor: this.#cursor });
    const page = await this.#api.get(`${URL_OF_LIST}?${query}`);
    const known = new Set(this.items.map((item) => item.id));
    this.items.push(...page.items.filter((item) => !known.has(item.id)));
    this.#cursor = page.next_cursor;
    this.#changed();
  }

  /** What a frame of the stream, which leaves nothing out, says of the mailbox. */
  follow(frame) {
    if (frame.seq > this.shownThrough) this.shownThrough = frame.seq;
    this.#count(frame);
  }

  /** A new notification from the stream. */
  add(notification) {
    this.#put(notification);
    this.follow(notification);
  }

  /** A changed one from the stream; it may be on a page that is not loaded. */
  update(notification) {
    if (this.items.some((item) => item.id === notification.id)) this.#put(notification);
    this.follow(notification);
  }

  async markRead(item) {
    if (item.read_at) return;
    const answer = await this.#api.patch(`${URL_OF_LIST}/${item.id}`, { read: true });
    this.#put(answer);
    this.#count(answer);
  }

  /** The person has seen all that this page shows. */
  async markSeen() {
    this.#count(await this.#api.put(URL_OF_SEEN, { up_to: this.shownThrough }));
  }

  #put(notification) {
    const at = this.items.findIndex((item) => item.id === notification.id);
    if (notification.archived_at || notification.snoozed_until) {
      if (at >= 0) this.items.splice(at, 1);
    } else if (at < 0) {
      this.items.unshift(notification);
    } else if (this.items[at].seq <= notification.seq) {
      this.items[at] = notification;
    }
  }

  #count({ seq, unread, unseen }) {
    // An answer and a frame may overtake each other: the newer one's counts stand.
    if (seq >= this.#countedAt && typeof unread === "number") {
      this.#countedAt = seq;
      this.unread = unread;
      this.unseen = unseen;
    }
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
