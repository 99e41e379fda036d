/** What the element says. Every word can be replaced, one by one. */

/** @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Phrase */

/** In `{braces}` stands what is put in. What depends on `{count}` has a form for each plural. */
/** @type {Record<string, Phrase>} */
export const WORDS = {
  title: "Notifications",
  bell: "Notifications",
  bellUnseen: "Notifications, {count} new",
  badgeMost: "99+",
  views: "Which notifications",
  all: "All",
  unread: "Unread",
  archived: "Archived",
  unreadCount: "{count} unread",
  markAllRead: "Mark all as read",
  close: "Close",
  fresh: "{count} new",
  loading: "Loading…",
  empty: "Nothing yet",
  emptyHint: "What concerns you will show up here.",
  emptyUnread: "You’re all caught up",
  emptyArchived: "Nothing is archived",
  emptyFiltered: "Nothing matches",
  showAll: "Show all",
  failed: "The notifications can’t be loaded",
  failedHint: "This may pass by itself.",
  moreFailed: "The older ones can’t be loaded.",
  retry: "Try again",
  signedOut: "You’re signed out",
  signedOutHint: "Sign in to see your notifications.",
  signIn: "Sign in",
  offline: "You’re offline. This list is brought up to date when you’re back.",
  unreadMark: "Unread",
  grouped: { one: "{count} event", other: "{count} events" },
  archive: "Archive",
  unarchive: "Move to inbox",
  more: "More actions",
  markRead: "Mark as read",
  markUnread: "Mark as unread",
  snoozeHour: "Snooze for an hour",
  snoozeTomorrow: "Snooze until tomorrow",
  muteKind: "Mute {what}",
  muteSubject: "Mute “{what}”",
  didArchive: "Archived",
  didUnarchive: "Moved to the inbox",
  didSnooze: "Snoozed until {until}",
  didMute: "You’ll get no more about {what}",
  didMarkAllRead: "All marked as read",
  undo: "Undo",
  dismiss: "Dismiss",
  refused: "That did not work. It is as it was before.",
  refusedOffline: "The server can’t be reached. It is as it was before.",
  refusedLater: {
    one: "The server is busy. Try again in {count} second.",
    other: "The server is busy. Try again in {count} seconds.",
  },
  toasts: "New notifications",
  toastMany: { one: "{count} new notification", other: "{count} new notifications" },
  toastManyHint: "Open the list",
  saidOne: "New notification: {title}",
  saidTimes: "{text} ({count} times)",
  saidMany: { one: "{count} new notification", other: "{count} new notifications" },
  "reason.assigned": "Assigned to you",
  "reason.mentioned": "You were mentioned",
  "reason.following": "You follow this",
  "reason.author": "You wrote this",
  "reason.requested": "Sent to you",
  kindOther: "“{kind}”",
  "kind.story.assigned": "assignments",
  "kind.story.commented": "comments",
  "kind.story.mentioned": "mentions",
  "kind.story.completed": "completed stories",
  "kind.story.updated": "changed stories",
};

export class Words {
  /** The language, as far as Intl knows it; for times and numbers too. */
  locale;
  #phrases;
  #plurals;
  #numbers;

  /** @param {string | undefined} locale @param {Record<string, Phrase>} [own] */
  constructor(locale, own = {}) {
    this.locale = known(locale);
    this.#phrases = { ...WORDS, ...own };
    this.#plurals = new Intl.PluralRules(this.locale);
    this.#numbers = new Intl.NumberFormat(this.locale);
  }

  /** Whether there are words for this. @param {string} key */
  has(key) {
    return Object.hasOwn(this.#phrases, key);
  }

  /** @param {string} key @param {Record<string, string | number>} [values] */
  say(key, values = {}) {
    const phrase = this.#phrases[key] ?? key;
    return this.#form(phrase, values.count).replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      return typeof value === "number" ? this.#numbers.format(value) : String(value ?? whole);
    });
  }

  /** @param {Phrase} phrase @param {unknown} count */
  #form(phrase, count) {
    if (typeof phrase === "string") return phrase;
    return phrase[this.#plurals.select(Number(count ?? 0))] ?? phrase.other ?? "";
  }
}

/** @param {string | undefined} locale */
function known(locale) {
  try {
    return Intl.getCanonicalLocales(locale)[0];
  } catch {
    return undefined; // a `lang` that is none: the browser's own
  }
}
