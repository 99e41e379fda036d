/** The panel: its parts, and how they hang together. What the person does is done by `Actions`. */

import { el, icon, setText } from "./dom.js";
import { List } from "./list.js";
import { Menu } from "./menu.js";
import { Notice } from "./notice.js";
import { faceOf, StateView } from "./states.js";
import { TabsView } from "./tabs-view.js";

// A page is asked for when so much is left below what is seen.
const AHEAD_PX = 800;
// Less than this is not "scrolled": nothing is read there that a new row could push away.
const TOP_PX = 8;

/**
 * @typedef {object} Frame what the panel knows of the element
 * @property {import("./words.js").Words} words
 * @property {import("./times.js").Times} times
 * @property {import("../../client/tidings/clock.js").Clock} clock
 * @property {import("./store.js").Store} store
 * @property {() => void} close
 * @property {(() => void) | null} signIn
 */

export class Panel {
  element;
  menu = new Menu();
  list;
  notice;
  #frame;
  #tabs;
  #state;
  #markAll;
  #fresh = el("button", { type: "button", class: "fresh", part: "fresh", hidden: true });
  #banner = el("p", { class: "banner", part: "banner", hidden: true });
  #bottom = el("p", { class: "bottom", hidden: true });
  #again;
  /** The person wants to see what has come, as soon as it is there. */
  #toTop = false;
  #scroller = el("div", { class: "scroller", id: "list", role: "tabpanel" });

  /** @param {Frame} frame */
  constructor(frame) {
    this.#frame = frame;
    const { words, times, clock, store } = frame;
    store.hold = () => this.#isReadFurtherDown();
    this.list = new List({ words, times, now: clock.now });
    this.notice = new Notice(words, clock, () => this.focus());
    this.#state = new StateView(words);
    this.#tabs = new TabsView(words, (view) => this.enter(view));
    this.#markAll = tool("check", words.say("markAllRead"));
    this.#markAll.dataset.do = "mark-all";
    const close = tool("close", words.say("close"));
    close.addEventListener("click", frame.close);
    this.#again = el("button", { type: "button", class: "text-button" }, words.say("retry"));
    this.#again.addEventListener("click", () => void store.more());
    this.#fresh.addEventListener("click", () => this.#showFresh());
    const title = el("h2", { id: "title" }, words.say("title"));
    const header = el("div", { class: "head", part: "header" }, title, this.#markAll, close);
    this.#scroller.append(this.#state.element, this.list.element, this.#bottom, this.#again);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const middle = el("div", { class: "middle" }, this.#fresh, this.#scroller);
    this.element = el("section", { class: "panel", part: "panel", id: "panel", role: "dialog", tabIndex: -1, hidden: true });
    this.element.setAttribute("aria-labelledby", "title");
    this.element.append(header, this.#tabs.element, this.#banner, middle, this.notice.element, this.menu.element);
  }

  get isOpen() {
    return !this.element.hidden;
  }

  open() {
    this.element.hidden = false;
    this.focus();
    const { store } = this.#frame;
    store.active = true;
    if (store.phase === "idle" || store.phase === "failed" || store.view !== "inbox") this.enter("inbox");
    else store.release();
    this.#scroller.scrollTop = 0;
  }

  close() {
    this.menu.close(false);
    this.notice.hide();
    this.element.hidden = true;
    this.#frame.store.active = false;
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  /** @param {import("./items.js").View} view */
  enter(view) {
    this.#scroller.scrollTop = 0;
    void this.#frame.store.enter(view);
  }

  /** @param {{unread: number, offline: boolean, expired: boolean}} state */
  show({ unread, offline, expired }) {
    if (!this.isOpen) return;
    const { store, words, signIn } = this.#frame;
    const rows = expired || store.phase === "failed" ? [] : store.rows;
    const filtered = Boolean(store.filter.kind || store.filter.subject);
    const { phase, view } = store;
    const face = faceOf({ phase, rows: rows.length, view, filtered, expired });
    // The focus must not be lost with the last row.
    if (this.list.show(rows)) this.focus();
    if (this.#toTop) this.#goToTop();
    this.#state.show(face, {
      view, filtered, signIn,
      retry: () => this.enter(view),
      showAll: () => this.enter("inbox"),
    });
    this.#tabs.show({ view, unread: expired ? 0 : unread });
    this.#scroller.setAttribute("aria-labelledby", `tab-${view}`);
    this.#scroller.ariaBusy = String(phase === "loading" || store.loadingMore);
    this.#markAll.disabled = face !== "list" || view === "archived" || !unread;
    this.#showFoot(face === "list");
    this.#banner.hidden = !offline || expired;
    setText(this.#banner, offline ? words.say("offline") : "");
    const held = face === "list" ? store.held : 0;
    if (held) this.#fresh.replaceChildren(icon("up"), words.say("fresh", { count: held }));
    this.#fresh.hidden = !held;
    this.#loadAhead();
  }

  /** @param {boolean} listed */
  #showFoot(listed) {
    const { store, words } = this.#frame;
    this.#bottom.hidden = !listed || !(store.loadingMore || store.moreFailed);
    setText(this.#bottom, words.say(store.moreFailed ? "moreFailed" : "loading"));
    this.#again.hidden = !listed || !store.moreFailed;
  }

  #showFresh() {
    this.#toTop = true;
    this.#frame.store.release();
  }

  #goToTop() {
    this.#toTop = false;
    this.#scroller.scrollTop = 0;
    this.list.focusAt(0);
  }

  #scrolled() {
    const { store } = this.#frame;
    this.menu.close(false);
    if (!this.#isReadFurtherDown() && store.held) store.release();
    this.#loadAhead();
  }

  /** Looked up when it matters: the browser tells of scrolling in its next frame, which may be late. */
  #isReadFurtherDown() {
    return !this.#toTop && this.#scroller.scrollTop > TOP_PX;
  }

  #loadAhead() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    const { store } = this.#frame;
    // After a failure the person says when to try again.
    if (scrollHeight - scrollTop - clientHeight < AHEAD_PX && !store.moreFailed) void store.more();
  }
}

/** @param {string} name @param {string} label */
function tool(name, label) {
  return el("button", { type: "button", class: "tool", title: label, ariaLabel: label }, icon(name));
}
