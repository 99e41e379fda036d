/** What the server does not say by itself. */

/** @typedef {import("../../client/tidings.js").Notification} Notification */

/**
 * Whether a change put a notification at the top: one more was grouped into it, or its snooze is
 * over. The server does not say so by itself.
 * @param {Notification | null} before @param {Notification} now @param {boolean} unseenRose
 */
export function hasSurfaced(before, now, unseenRose) {
  if (!before) return unseenRose;
  if (now.count > before.count) return true;
  return Boolean(before.snoozed_until) && !now.snoozed_until && unseenRose;
}
