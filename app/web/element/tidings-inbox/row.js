/** One notification in the list: made once, and changed in place, so that the focus stays in it. */

import { el, icon, paintAvatar, setText } from "./dom.js";
import { safeUrl } from "./links.js";

/**
 * @typedef {import("../../client/tidings.js").Notification} Notification
 * @typedef {{words: import("./words.js").Words, times: import("./times.js").Times, now: () => number}} Speech
 */

export class Row {
  element;
  /** What the focus is on when it is on the row. @type {any} */
  main;
  /** @type {Notification} */
  item;
  #speech;
  #avatar = el("span", { class: "avatar", "aria-hidden": "true" });
  #title = el("span", { class: "item-title", part: "item-title", dir: "auto" });
  #body = el("span", { class: "item-body", part: "item-body", dir: "auto" });
  #reason = el("span");
  #subject = el("span", { dir: "auto" });
  #count = el("span", { class: "count" });
  #time = el("time");
  #dot = el("span", { class: "dot", role: "img" });
  #archive = el("button", { type: "button", class: "tool", "data-do": "archive" });
  #more = el("button", { type: "button", class: "tool", "data-do": "more" }, icon("more"));

  /** @param {Notification} item @param {Speech} speech */
  constructor(item, speech) {
    this.item = item;
    this.#speech = speech;
    const { words } = speech;
    this.#dot.ariaLabel = words.say("unreadMark");
    this.#more.ariaHasPopup = "menu";
    this.#more.ariaExpanded = "false";
    this.#more.title = this.#more.ariaLabel = words.say("more");
    const tools = el("div", { class: "tools", part: "item-tools" }, this.#archive, this.#more);
    this.element = el("li", { class: "row", "data-id": item.id }, tools);
    this.show(item);
    this.current = false;
  }

  /** Whether the tab key leads to this row: to one of the list only. @param {boolean} current */
  set current(current) {
    for (const part of [this.main, this.#archive, this.#more]) part.tabIndex = current ? 0 : -1;
    this.main.dataset.current = String(current);
  }

  get moreButton() {
    return this.#more;
  }

  /** @param {Notification} item */
  show(item) {
    const { words, times } = this.#speech;
    this.item = item;
    const unread = !item.read_at;
    this.element.classList.toggle("unread", unread);
    this.element.setAttribute("part", unread ? "item item-unread" : "item");
    this.#showMain(item);
    paintAvatar(this.#avatar, item.actor);
    setText(this.#title, item.title);
    setText(this.#body, item.body ?? "");
    this.#body.hidden = !item.body;
    const reason = `reason.${item.reason}`;
    setText(this.#reason, words.has(reason) ? words.say(reason) : "");
    // A title mostly names its subject: no need to say it twice.
    const subject = item.subject?.title ?? "";
    setText(this.#subject, item.title.includes(subject) ? "" : subject);
    setText(this.#count, item.count > 1 ? words.say("grouped", { count: item.count }) : "");
    this.#time.dateTime = item.created_at;
    this.#time.title = times.absolute(item.created_at);
    this.tick();
    this.#dot.hidden = !unread;
    this.#showArchive(Boolean(item.archived_at));
  }

  /** Keep the time true. */
  tick() {
    const { times, now } = this.#speech;
    setText(this.#time, times.relative(this.item.created_at, now()));
  }

  /** A link where it leads somewhere, else a button. @param {Notification} item */
  #showMain({ url }) {
    const href = safeUrl(url, document.baseURI);
    const tag = href ? "A" : "BUTTON";
    if (this.main?.tagName !== tag) {
      const meta = el("span", { class: "meta" }, this.#reason, this.#subject, this.#count, this.#time);
      const text = el("span", { class: "item-text" }, this.#title, this.#body, meta);
      const main = el(tag.toLowerCase(), { class: "main", part: "item-link", "data-do": "open" });
      if (!href) main.type = "button";
      main.append(this.#avatar, text, this.#dot);
      main.tabIndex = this.main?.tabIndex ?? -1;
      if (this.main) this.main.replaceWith(main);
      else this.element.prepend(main);
      this.main = main;
    }
    if (href && this.main.href !== href) this.main.href = href;
  }

  /** @param {boolean} archived */
  #showArchive(archived) {
    const name = archived ? "unarchive" : "archive";
    if (this.#archive.dataset.icon === name) return;
    this.#archive.dataset.icon = name;
    this.#archive.title = this.#archive.ariaLabel = this.#speech.words.say(name);
    this.#archive.replaceChildren(icon(name));
  }
}
