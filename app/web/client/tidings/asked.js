/** What the page is asked for: its `token()` or `ticket()`, which may fail, or never answer. */

// Longer than any healthy answer takes; a person who is asked to sign in may well need more, and
// meanwhile another tab may know a better answer.
const TIMEOUT_MS = 10_000;
// So often in a row, or for so long, it may fail while others wait.
const MOST_FAILURES = 3;
const FAILING_MS = 10_000;

/** The page could not say. Another tab's page perhaps can. */
export class AskedInVain extends Error {
  /** 401 or 403: there are no credentials any more. @type {number | undefined} */
  status;
  /** Seconds. @type {number | null | undefined} */
  retryAfter;

  /** @param {any} cause */
  constructor(cause) {
    super("The page’s own function failed.", { cause });
    this.name = "AskedInVain";
    this.status = cause?.status;
    this.retryAfter = cause?.retryAfter;
  }
}

/**
 * What `ask` comes to. Rejects with AskedInVain.
 * @template T
 * @param {() => T | Promise<T>} ask
 * @param {import("./clock.js").Clock} clock
 * @returns {Promise<T>}
 */
export function asked(ask, clock) {
  return new Promise((resolve, reject) => {
    const fail = (/** @type {unknown} */ cause) => reject(new AskedInVain(cause));
    const cancel = clock.after(TIMEOUT_MS, () => fail(new Error("There was no answer.")));
    // In a function of its own, so that what it throws at once is a rejection too.
    (async () => ask())().then(resolve, fail).finally(cancel);
  });
}

/** How long a page that fails is asked again before it is another's turn. */
export class Patient {
  #clock;
  #failures = 0;
  #since = 0;

  /** @param {import("./clock.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** It has answered, or its turn begins. */
  begin() {
    this.#failures = 0;
  }

  ask() {
    if (!this.#failures) this.#since = this.#clock.now();
  }

  /** It has failed once more. False if that is enough. */
  bears() {
    return ++this.#failures < MOST_FAILURES && this.#clock.now() - this.#since < FAILING_MS;
  }
}
