/** What is told to the person who looks elsewhere: by a toast, by a word, or not at all. */

import { Tally } from "./surfacing.js";
import { isNews } from "./toasts.js";

// So many are remembered to tell a group that grows from one that was only changed.
const LATELY_KEPT = 100;

/**
 * @typedef {import("../../client/tidings.js").Notification} Notification
 *
 * @typedef {object} Means
 * @property {(id: string) => Notification | null} known what the list knows
 * @property {() => boolean} isOpen whether the panel is
 * @property {import("./toasts.js").Toasts} toasts
 * @property {import("./announcer.js").Announcer} announcer
 */

export class News {
  #parts;
  #means;
  #tally;
  /** What was told lately, for lists that were not loaded. @type {Map<string, Notification>} */
  #lately = new Map();

  /** @param {import("./inbox.js").Parts} parts @param {Means} means */
  constructor(parts, means) {
    this.#parts = parts;
    this.#means = means;
    this.#tally = new Tally(parts.api);
  }

  /** @param {{type: string, detail: any, replayed: boolean}} event */
  take(event) {
    const { detail } = event;
    const known = this.#means.known(detail?.id) ?? this.#lately.get(detail?.id) ?? null;
    this.#remember(detail);
    const rise = this.#tally.take(detail ?? {});
    if (isNews(event, known, rise)) this.#arrived(detail);
    else if (detail?.read_at || detail?.archived_at) this.#means.toasts.settle(detail.id);
  }

  /** The counts have changed with the mailbox as a whole. @param {import("./surfacing.js").Counts} counts */
  count(counts) {
    this.#tally.take(counts);
  }

  /** It was another person's. */
  forget() {
    this.#lately.clear();
    this.#means.toasts.clear();
  }

  /** @param {any} item */
  #remember(item) {
    if (typeof item?.id !== "string") return;
    this.#lately.delete(item.id);
    this.#lately.set(item.id, item);
    if (this.#lately.size > LATELY_KEPT) this.#lately.delete(this.#lately.keys().next().value ?? "");
  }

  /** @param {Notification} item */
  #arrived(item) {
    const { api, onlyTab, wishes } = this.#parts;
    const { isOpen, toasts, announcer } = this.#means;
    const wanted = wishes();
    const about = item.subject ? `${item.subject.type}/${item.subject.id}` : null;
    if (about && about === wanted.viewing && !document.hidden) {
      // A convenience; what could not be marked stays unread.
      void api.markRead(item.id).catch(() => {});
    } else if (isOpen() && !document.hidden) {
      announcer.arrived(item.title);
    } else if (wanted.toasts && onlyTab.mine) {
      toasts.arrive(item);
      announcer.arrived(item.title);
    }
  }
}
