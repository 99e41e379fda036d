/** What the person does in the panel, by pointer or by key. */

import { inAnHour, tomorrow } from "./times.js";

/** @typedef {import("../../client/tidings.js").Notification} Notification */

/**
 * @typedef {object} Hands what the actions work with
 * @property {import("./words.js").Words} words
 * @property {import("./times.js").Times} times
 * @property {import("../../client/tidings/clock.js").Clock} clock
 * @property {import("./store.js").Store} store
 * @property {import("./panel.js").Panel} panel
 * @property {any} api a Tidings
 * @property {(text: string) => void} say
 * @property {(item: Notification, event: Event) => void} open
 * @property {() => void} close
 */

export class Actions {
  #hands;

  /** @param {Hands} hands */
  constructor(hands) {
    this.#hands = hands;
    const { element } = hands.panel;
    for (const type of ["click", "auxclick"]) {
      element.addEventListener(type, (/** @type {MouseEvent} */ event) => this.#clicked(event));
    }
    element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
    hands.store.addEventListener("refused", (/** @type {any} */ event) => this.#refused(event.detail));
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {Element} */ (event.target);
    const control = target.closest("[data-do]");
    if (!(control instanceof HTMLElement)) return;
    const wanted = control.dataset.do;
    if (wanted === "mark-all") return void this.#markAllRead();
    const id = control.closest("li")?.dataset.id ?? "";
    const item = this.#hands.store.get(id);
    if (!item) return;
    // The middle button opens a link in another tab; it does nothing else.
    if (wanted === "open" && (event.type === "click" || event.button === 1)) this.#open(item, event);
    if (event.type !== "click") return;
    if (wanted === "archive") this.#archive(item);
    if (wanted === "more") this.#offer(item);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { panel, store } = this.#hands;
    const focused = panel.list.focused;
    const item = focused ? store.get(focused) : null;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => panel.list.move(1),
      j: () => panel.list.move(1),
      ArrowUp: () => panel.list.move(-1),
      k: () => panel.list.move(-1),
      Home: () => panel.list.focusAt(0),
      End: () => panel.list.focusAt(Infinity),
      e: () => item && this.#archive(item),
      u: () => item && this.#toggleRead(item),
      z: () => panel.notice.undo(),
      Escape: () => this.#hands.close(),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** @param {Notification} item @param {Event} event */
  #open(item, event) {
    void this.#hands.store.changes.markRead(item.id);
    this.#hands.open(item, event);
  }

  /** @param {Notification} item */
  #toggleRead({ id, read_at }) {
    const { store } = this.#hands;
    void (read_at ? store.changes.markUnread(id) : store.changes.markRead(id));
  }

  /** Archive, or take out of the archive. @param {Notification} item */
  #archive({ id, archived_at }) {
    const { store } = this.#hands;
    if (archived_at) this.#do(store.changes.unarchive(id), "didUnarchive", {}, () => store.changes.archive(id));
    else this.#do(store.changes.archive(id), "didArchive", {}, () => store.changes.unarchive(id));
  }

  /** @param {Notification} item @param {Date} until */
  #snooze({ id, archived_at }, until) {
    const { store, times } = this.#hands;
    // To snooze takes out of the archive: to take it back puts it there again.
    const undo = () => (archived_at ? store.changes.archive(id) : store.changes.unsnooze(id));
    this.#do(store.changes.snooze(id, until), "didSnooze", { until: times.soon(until) }, undo);
  }

  /** @param {Notification} item */
  #offer(item) {
    const { words, clock, panel } = this.#hands;
    const row = panel.list.row(item.id);
    if (!row) return;
    const { kind, subject, read_at } = item;
    const named = words.has(`kind.${kind}`);
    const kindName = named ? words.say(`kind.${kind}`) : words.say("kindOther", { kind });
    const choices = [
      { label: words.say(read_at ? "markUnread" : "markRead"), run: () => this.#toggleRead(item) },
      { label: words.say("snoozeHour"), run: () => this.#snooze(item, inAnHour(clock.now())) },
      { label: words.say("snoozeTomorrow"), run: () => this.#snooze(item, tomorrow(clock.now())) },
      {
        label: words.say("muteKind", { what: kindName }),
        run: () => void this.#mute("muted_kinds", kind, kindName),
      },
    ];
    if (subject) {
      const key = `${subject.type}/${subject.id}`;
      const what = subject.title || key;
      const label = words.say("muteSubject", { what });
      choices.push({ label, run: () => void this.#mute("muted_subjects", key, what) });
    }
    panel.menu.open(row.moreButton, choices, panel.element);
  }

  /** @param {"muted_kinds" | "muted_subjects"} list @param {string} value @param {string} what */
  async #mute(list, value, what) {
    const { api } = this.#hands;
    const change = async (/** @type {(muted: string[]) => string[]} */ how) => {
      const preferences = await api.preferences();
      await api.setPreferences({ [list]: how(preferences[list]) });
      return true;
    };
    const without = (/** @type {string[]} */ muted) => muted.filter((other) => other !== value);
    const done = change((muted) => [...without(muted), value]).catch((error) => this.#refused(error));
    this.#do(done, "didMute", { what }, () => change(without).catch((error) => this.#refused(error)));
  }

  async #markAllRead() {
    const { store, panel } = this.#hands;
    // The button is disabled when all is read, and a disabled button loses the focus.
    panel.focus();
    if (await store.changes.markAllRead()) this.#say("didMarkAllRead");
  }

  /**
   * Say at once what was done, with a way back; if it fails, `refused` says so instead.
   * @param {Promise<unknown>} doing @param {string} word
   * @param {Record<string, string>} values @param {() => unknown} undo
   */
  #do(doing, word, values, undo) {
    const text = this.#hands.words.say(word, values);
    // What is under way is taken back when it is through, and not overtaken.
    this.#hands.panel.notice.show(text, { undo: () => void doing.then((done) => done && undo()) });
    this.#hands.say(text);
  }

  /** @param {string} word */
  #say(word) {
    const text = this.#hands.words.say(word);
    this.#hands.panel.notice.show(text);
    this.#hands.say(text);
  }

  /** @param {any} error */
  #refused(error) {
    const { words, panel, say } = this.#hands;
    const { status, retryAfter } = error ?? {};
    let text = words.say(status === 0 ? "refusedOffline" : "refused");
    if (retryAfter) text = words.say("refusedLater", { count: retryAfter });
    panel.notice.show(text, { problem: true });
    say(text);
    return false;
  }
}
