/** The bell with its badge, and the panel with the list. */

import { avatar, el, safeUrl } from "./dom.js";
import { timeElement } from "./time.js";

const MAX_BADGE = 99;
const at = (id) => document.getElementById(id);

/** Show `mailbox`. `open(item, event)` is called when the reader opens an item. */
export class Inbox {
  #mailbox;
  #open;
  #report;
  #rows = new Map();
  #seenThrough = 0;

  constructor(mailbox, { open, report }) {
    this.#mailbox = mailbox;
    this.#open = open;
    this.#report = report;
    mailbox.addEventListener("change", () => this.#show());
    at("bell").hidden = false;
    at("bell").addEventListener("click", () => (this.isOpen ? this.close() : this.expand()));
    at("older").addEventListener("click", () => mailbox.loadOlder().catch(report));
    addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    document.addEventListener("pointerdown", (event) => {
      if (!event.target.closest("#panel, #bell, #toasts")) this.close({ refocus: false });
    });
    document.addEventListener("visibilitychange", () => this.#seeIfLookedAt());
    this.#show();
  }

  get isOpen() {
    return !at("panel").hidden;
  }

  /** A short swing of the bell. */
  ring() {
    at("bell").classList.remove("rings");
    // Reading a size makes the browser notice that the class was gone, so that it swings again.
    void at("bell").offsetWidth;
    at("bell").classList.add("rings");
  }

  expand() {
    this.#toggle(true);
    // The list says it all.
    at("toasts").replaceChildren();
    at("panel").focus({ preventScroll: true });
    this.#seeIfLookedAt();
  }

  close({ refocus = true } = {}) {
    if (!this.isOpen) return;
    this.#toggle(false);
    if (refocus) at("bell").focus();
  }

  #toggle(open) {
    at("panel").hidden = !open;
    at("bell").ariaExpanded = String(open);
  }

  /** What comes in while the reader looks at the open panel is seen at once. */
  #seeIfLookedAt() {
    const { unseen, shownThrough } = this.#mailbox;
    if (!this.isOpen || document.hidden || !unseen || shownThrough <= this.#seenThrough) return;
    this.#seenThrough = shownThrough;
    this.#mailbox.markSeen().catch((error) => {
      this.#seenThrough = 0;
      this.#report(error);
    });
  }

  #show() {
    const { items, unread, unseen, hasOlder } = this.#mailbox;
    const shown = unseen > MAX_BADGE ? `${MAX_BADGE}+` : String(unseen);
    at("badge").textContent = shown;
    at("badge").hidden = !unseen;
    at("bell").ariaLabel = unseen ? `Notifications, ${unseen} new` : "Notifications";
    at("unread").textContent = unread ? `${unread} unread` : "All read";
    at("empty").hidden = items.length > 0;
    at("unread").hidden = items.length === 0;
    at("older").hidden = !hasOlder;
    this.#showList(items);
    this.#seeIfLookedAt();
  }

  #showList(items) {
    const focused = at("list").contains(document.activeElement) ? document.activeElement : null;
    const id = focused?.closest("li").dataset.id;
    at("list").replaceChildren(...items.map((item) => this.#row(item)));
    // Moving or renewing a row takes the focus from it.
    if (focused) this.#rows.get(id).row.firstElementChild.focus({ preventScroll: true });
  }

  /** The row of `item`, made anew only when it has changed. */
  #row(item) {
    const known = this.#rows.get(item.id);
    if (known?.seq === item.seq) return known.row;
    const row = el("li", { className: item.read_at ? "item" : "item unread" }, this.#link(item));
    row.dataset.id = item.id;
    this.#rows.set(item.id, { seq: item.seq, row });
    return row;
  }

  #link(item) {
    const href = safeUrl(item.url);
    const link = href ? el("a", { href }) : el("button", { type: "button" });
    const parts = [
      avatar(item.actor),
      el(
        "span",
        { className: "item-text" },
        el("span", { className: "item-title", dir: "auto" }, item.title),
        item.body ? el("span", { className: "item-body", dir: "auto" }, item.body) : null,
        timeElement(item.created_at),
      ),
    ];
    if (!item.read_at) {
      parts.push(el("span", { className: "unread-dot", role: "img", ariaLabel: "Unread" }));
    }
    link.append(...parts);
    const opened = (event) => {
      this.#mailbox.markRead(item).catch(this.#report);
      this.#open(item, event);
    };
    link.addEventListener("click", opened);
    link.addEventListener("auxclick", (event) => event.button === 1 && opened(event));
    return link;
  }
}
