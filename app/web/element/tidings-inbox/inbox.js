/** One running inbox: what is told by the client, put to what is seen. */

import { Actions } from "./actions.js";
import { Announcer } from "./announcer.js";
import { Bell } from "./bell.js";
import { Calm } from "./calm.js";
import { News } from "./news.js";
import { Panel } from "./panel.js";
import { Store } from "./store.js";
import { Ticker, Times } from "./times.js";
import { TitleBadge } from "./title.js";
import { ToastView } from "./toast-view.js";

/**
 * @typedef {import("../../client/tidings.js").Notification} Notification
 * @typedef {import("../../client/tidings/clock.js").Clock} Clock
 *
 * @typedef {object} Wishes of the page
 * @property {boolean} toasts
 * @property {boolean} title
 * @property {{kind?: string, subject?: string}} filter
 * @property {string | null} viewing the subject that the page is about
 * @property {boolean} signIn whether the page wants to be asked to sign the person in
 *
 * @typedef {object} Parts
 * @property {HTMLElement} host
 * @property {ShadowRoot} root
 * @property {any} api a Tidings
 * @property {import("./words.js").Words} words
 * @property {Clock} clock
 * @property {import("./only-tab.js").OnlyTab} onlyTab
 * @property {() => Wishes} wishes
 */

export class Inbox {
  #parts;
  #store;
  #panel;
  #bell;
  #calm;
  #announcer;
  #toasts;
  /** @type {TitleBadge | null} */
  #title = null;
  #news;
  #seenThrough = 0;
  #seenFailed = false;
  #drawn = true;
  #ends = new AbortController();
  /** @type {() => void} */
  #stopTicking;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const { api, words, clock, root, host, wishes } = parts;
    // Before the store's own: what was known before an event says whether it is news.
    this.#listen(api, ["notification", "updated"], (event) => this.#news.take(event));
    this.#store = new Store(api, clock);
    this.#store.filter = wishes().filter;
    const times = new Times(words.locale);
    const common = { words, times, clock, store: this.#store, close: () => this.close() };
    const signIn = wishes().signIn ? () => this.#tell("tidings-signin", {}) : null;
    this.#panel = new Panel({ ...common, signIn });
    this.#bell = new Bell(words, () => (this.isOpen ? this.close() : this.open()));
    this.#announcer = new Announcer(words, clock);
    this.#toasts = new ToastView(words, clock, (item, event) => this.#openFromToast(item, event));
    this.#news = new News(parts, {
      known: (id) => this.#store.get(id),
      isOpen: () => this.isOpen,
      toasts: this.#toasts.toasts,
      announcer: this.#announcer,
    });
    this.#calm = new Calm(clock, () => this.#turned());
    const say = (/** @type {string} */ text) => this.#announcer.answer(text);
    const open = (/** @type {Notification} */ item, /** @type {Event} */ event) => this.#open(item, event);
    void new Actions({ ...common, api, panel: this.#panel, say, open });
    root.replaceChildren(this.#bell.element, this.#panel.element, this.#toasts.element, this.#announcer.element);
    this.#stopTicking = new Ticker(clock).add(() => this.#panel.list.tick());
    this.#listen(this.#store, ["change"], () => this.#draw());
    this.#listen(api, ["mailbox", "reset"], ({ detail }) => this.#news.count(detail));
    this.#listen(api, ["counts", "mailbox"], () => this.#counted());
    this.#listen(api, ["reset"], ({ detail }) => this.#reset(detail));
    this.#listen(api, ["state"], ({ detail }) => this.#stateIs(detail));
    this.#listen(document, ["visibilitychange"], () => this.#looked());
    this.#listen(document, ["pointerdown"], (event) => {
      if (!event.composedPath().includes(host)) this.close(false);
    });
    this.#listen(this.#bell.element, ["keydown"], (event) => event.key === "Escape" && this.close());
    this.#calm.take({ state: api.state, since: api.since });
    this.adjust();
  }

  get isOpen() {
    return this.#panel.isOpen;
  }

  open() {
    if (this.isOpen) return;
    this.#toasts.toasts.clear();
    this.#seenFailed = false;
    this.#panel.open();
    this.#tell("tidings-toggle", { open: true });
    this.#draw();
  }

  /** @param {boolean} [refocus] to the bell, where the person came from */
  close(refocus = true) {
    if (!this.isOpen) return;
    this.#panel.close();
    if (refocus) this.#bell.element.focus();
    this.#tell("tidings-toggle", { open: false });
    this.#draw();
  }

  /** The page's wishes have changed. */
  adjust() {
    const { title, toasts } = this.#parts.wishes();
    if (title) this.#title ??= new TitleBadge();
    else this.#title?.close();
    if (!title) this.#title = null;
    if (!toasts) this.#toasts.toasts.clear();
    this.#looked();
  }

  /** All that is about it is read. @param {string} subject */
  readSubject(subject) {
    const { api } = this.#parts;
    // It is a convenience; what could not be marked stays unread.
    if (api.unread) void api.markAllRead({ subject, upTo: api.seq ?? 0 }).catch(() => {});
  }

  end() {
    this.#ends.abort();
    this.#store.close();
    this.#calm.stop();
    this.#announcer.stop();
    this.#toasts.toasts.clear();
    this.#title?.close();
    this.#parts.onlyTab.leave();
    this.#stopTicking();
    this.#parts.root.replaceChildren();
  }

  /** @param {{state: string, since: number}} now */
  #stateIs(now) {
    this.#calm.take(now);
    if (now.state === "live") {
      this.#seenFailed = false;
      this.#readWhatIsViewed();
    }
    if (now.state === "expired") this.#toasts.toasts.clear();
    this.#draw();
  }

  /** It is offline for longer than a moment, or back. */
  #turned() {
    if (this.#calm.offline && this.isOpen) this.#announcer.say(this.#parts.words.say("offline"));
    this.#draw();
  }

  /** What was true before may be so no longer, or have been another person's. @param {{reason: string}} detail */
  #reset({ reason }) {
    this.#seenThrough = 0;
    if (reason === "user-changed") this.#news.forget();
    this.#counted();
  }

  #counted() {
    const { api } = this.#parts;
    if (!api.unread) this.#toasts.toasts.clear();
    this.#draw();
  }

  #looked() {
    this.#parts.onlyTab.look();
    this.#readWhatIsViewed();
    if (!document.hidden) this.#panel.list.tick();
    this.#draw();
  }

  /** The page is about a subject, and the person looks at it. */
  #readWhatIsViewed() {
    const { viewing } = this.#parts.wishes();
    if (viewing && !document.hidden) this.readSubject(viewing);
  }

  /** Show how things stand; once for all that happens in one go. */
  #draw() {
    if (!this.#drawn) return;
    this.#drawn = false;
    queueMicrotask(() => {
      this.#drawn = true;
      if (!this.#ends.signal.aborted) this.#drawNow();
    });
  }

  #drawNow() {
    const { api } = this.#parts;
    const expired = api.state === "expired";
    const unseen = expired ? 0 : api.unseen;
    this.#bell.show({ unseen, isOpen: this.isOpen });
    this.#title?.show(unseen);
    this.#panel.show({ unread: api.unread, offline: this.#calm.offline, expired });
    if (!expired) this.#seeWhatIsShown();
  }

  /** What stands in the open panel, before the person's eyes, is seen: on every device. */
  #seeWhatIsShown() {
    const { api } = this.#parts;
    const { phase, view, filter, shownThrough } = this.#store;
    if (!this.isOpen || document.hidden || phase !== "ready" || this.#seenFailed) return;
    if (view === "archived" || filter.kind || filter.subject) return;
    if (!api.unseen || shownThrough <= this.#seenThrough) return;
    const before = this.#seenThrough;
    this.#seenThrough = shownThrough;
    api.markSeen(shownThrough).catch(() => {
      // Tried again when the panel is opened, or the stream is live again.
      this.#seenThrough = before;
      this.#seenFailed = true;
    });
  }

  /** @param {Notification} item @param {Event} event */
  #open(item, event) {
    const { button, ctrlKey, metaKey, shiftKey } = /** @type {MouseEvent} */ (event);
    // Into another tab or window: the browser's business.
    if (button || ctrlKey || metaKey || shiftKey) return;
    if (this.#tell("tidings-open", item)) return;
    event.preventDefault();
    this.close();
  }

  /** @param {Notification | null} item @param {Event} event */
  #openFromToast(item, event) {
    if (!item) return this.open();
    if (item.id && !item.read_at) void this.#store.changes.markRead(item.id);
    this.#open(item, event);
  }

  /** False if the page does it by itself. @param {string} type @param {any} detail */
  #tell(type, detail) {
    const event = new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable: true });
    return this.#parts.host.dispatchEvent(event);
  }

  /** @param {EventTarget} target @param {string[]} types @param {(event: any) => void} listener */
  #listen(target, types, listener) {
    for (const type of types) target.addEventListener(type, listener, { signal: this.#ends.signal });
  }
}
