/**
 * What the server does not say: whether a change put a notification at the top of the list, because
 * one more event was grouped into it or its snooze is over.
 *
 * @typedef {import("../../client/tidings.js").Notification} Notification
 * @typedef {{unread: number, unseen: number}} Counts
 */

/** The mailbox's counts, from one frame to the next. (Those of an answer may be ahead of the frames.) */
export class Tally {
  #counts;

  /** @param {Counts} counts */
  constructor({ unread, unseen }) {
    this.#counts = { unread, unseen };
  }

  /** By how much a frame raises the counts. @param {Partial<Counts>} frame @returns {Counts} */
  take({ unread, unseen }) {
    const before = this.#counts;
    if (typeof unread !== "number" || typeof unseen !== "number") return { unread: 0, unseen: 0 };
    this.#counts = { unread, unseen };
    return { unread: unread - before.unread, unseen: unseen - before.unseen };
  }
}

/**
 * Whether a change that was told live put a notification at the top.
 *
 * Whatever surfaces is then unread and in the inbox. What is so after any other change was not so
 * before it (marked unread, taken out of the archive), and counts as one more unread: where that
 * count stays, one more event was grouped. A snooze that ends by itself counts as one more unread and
 * unseen. So does one that the person ends elsewhere, or an archived one that comes back, if it was
 * never seen: of what is not known here, these are taken for surfaced too.
 * @param {Notification | null} before @param {Notification} now @param {Counts} rise
 */
export function hasSurfaced(before, now, rise) {
  if (now.read_at || now.archived_at || now.snoozed_until) return false;
  if (!before) return rise.unread === 0 || rise.unseen > 0;
  return now.count > before.count || (Boolean(before.snoozed_until) && rise.unseen > 0);
}
