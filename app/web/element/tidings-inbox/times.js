/** Times as people say them. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["year", 365 * DAY],
  ["month", 30 * DAY],
  ["week", 7 * DAY],
  ["day", DAY],
  ["hour", HOUR],
  ["minute", MINUTE],
];

// The smallest unit that is shown is a minute.
const TICK_MS = 20_000;
const MORNING_HOUR = 9;

export class Times {
  #relative;
  #absolute;
  #short;

  /** @param {string | undefined} locale */
  constructor(locale) {
    this.#relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
    this.#absolute = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });
    this.#short = new Intl.DateTimeFormat(locale, { weekday: "long", hour: "numeric", minute: "2-digit" });
  }

  /** "now", "5 minutes ago", "in 2 hours". @param {string} iso @param {number} now */
  relative(iso, now) {
    const distance = Date.parse(iso) - now;
    for (const [unit, size] of UNITS) {
      if (Math.abs(distance) >= size) return this.#relative.format(Math.trunc(distance / size), unit);
    }
    return this.#relative.format(0, "second");
  }

  /** @param {string} iso */
  absolute(iso) {
    return this.#absolute.format(new Date(iso));
  }

  /** A time within days: its weekday and hour. @param {Date} date */
  soon(date) {
    return this.#short.format(date);
  }
}

/** @param {number} now */
export function inAnHour(now) {
  return new Date(now + HOUR);
}

/** Tomorrow morning, where the person is. @param {number} now */
export function tomorrow(now) {
  const date = new Date(now);
  // By the calendar: a day is not always 24 hours.
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1, MORNING_HOUR);
}

/** One timer for all that shows a time; it runs only while there is something to keep true. */
export class Ticker {
  #clock;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #stop = () => {};

  /** @param {import("../../client/tidings/clock.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** Call again and again; the result ends it. @param {() => void} listener */
  add(listener) {
    if (!this.#listeners.size) this.#stop = this.#clock.every(TICK_MS, () => this.#tick());
    this.#listeners.add(listener);
    return () => {
      if (this.#listeners.delete(listener) && !this.#listeners.size) this.#stop();
    };
  }

  #tick() {
    for (const listener of this.#listeners) listener();
  }
}
