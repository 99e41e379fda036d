/** The toasts in the corner of the page. They take no focus, and are no live region of their own. */

import { el, icon, paintAvatar } from "./dom.js";
import { safeUrl } from "./links.js";
import { Toasts } from "./toasts.js";

/** @typedef {import("../../client/tidings.js").Notification} Notification */

export class ToastView {
  element;
  toasts;
  #words;
  #open;
  /** @type {Map<number, HTMLElement>} */
  #elements = new Map();

  /**
   * @param {import("./words.js").Words} words
   * @param {import("../../client/tidings/clock.js").Clock} clock
   * @param {(item: Notification | null, event: Event) => void} open
   */
  constructor(words, clock, open) {
    this.#words = words;
    this.#open = open;
    this.toasts = new Toasts(clock, () => this.#show());
    const { toasts } = this;
    this.element = el("div", { class: "toasts", part: "toasts", role: "region", hidden: true });
    this.element.ariaLabel = words.say("toasts");
    let pointed = false;
    let focused = false;
    const look = () => (pointed || focused ? toasts.hold() : toasts.release());
    /** @type {[string, () => void][]} */
    const turns = [
      ["pointerenter", () => (pointed = true)],
      ["pointerleave", () => (pointed = false)],
      ["focusin", () => (focused = true)],
      ["focusout", () => (focused = false)],
    ];
    for (const [type, turn] of turns) {
      this.element.addEventListener(type, () => {
        turn();
        look();
      });
    }
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape") toasts.clear();
    });
  }

  #show() {
    const shown = new Set(this.toasts.shown.map(({ key }) => key));
    for (const [key, element] of this.#elements) {
      if (shown.has(key)) continue;
      element.remove();
      this.#elements.delete(key);
    }
    for (const toast of this.toasts.shown) {
      const element = this.#elements.get(toast.key) ?? this.#make(toast);
      if (!this.#elements.has(toast.key)) this.element.append(element);
      this.#elements.set(toast.key, element);
      if (!toast.item) this.#count(element, toast.count);
    }
    this.element.hidden = !shown.size;
    // A toast that goes while it is pointed at or focused says nothing more.
    if (!shown.size) this.toasts.release();
  }

  /** @param {import("./toasts.js").Toast} toast */
  #make({ key, item }) {
    const content = item ? this.#content(item) : el("button", { type: "button", class: "main" });
    if (!item) content.append(el("strong"));
    content.addEventListener("click", (/** @type {Event} */ event) => {
      this.toasts.dismiss(key);
      this.#open(item, event);
    });
    const close = el("button", { type: "button", class: "tool", ariaLabel: this.#words.say("dismiss") }, icon("close"));
    close.addEventListener("click", () => this.toasts.dismiss(key));
    return el("div", { class: "toast", part: "toast" }, content, close);
  }

  /** @param {Notification} item */
  #content(item) {
    const href = safeUrl(item.url, document.baseURI);
    const content = href ? el("a", { href, class: "main" }) : el("button", { type: "button", class: "main" });
    const avatar = el("span", { class: "avatar", "aria-hidden": "true" });
    paintAvatar(avatar, item.actor ?? null);
    const body = item.body ? el("span", { class: "item-body", dir: "auto" }, item.body) : null;
    content.append(avatar, el("span", { class: "item-text" }, el("strong", { dir: "auto" }, item.title), body));
    return content;
  }

  /** @param {HTMLElement} element @param {number} count */
  #count(element, count) {
    const strong = /** @type {HTMLElement} */ (element.querySelector("strong"));
    strong.textContent = this.#words.say("toastMany", { count });
  }
}
