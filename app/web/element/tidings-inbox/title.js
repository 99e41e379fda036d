/** How many are new, before the page's own title: "(3) Board". The page may change its title. */

export class TitleBadge {
  #shown = "";
  #count = 0;
  #watch;

  constructor() {
    this.#watch = new MutationObserver(() => this.#write());
    this.#watch.observe(document.head, { childList: true, subtree: true, characterData: true });
  }

  /** @param {number} count */
  show(count) {
    this.#count = count;
    this.#write();
  }

  /** Leave the title as the page wants it. */
  close() {
    this.#watch.disconnect();
    this.#count = 0;
    this.#write();
  }

  #write() {
    const { title } = document;
    const own = this.#shown && title.startsWith(this.#shown) ? title.slice(this.#shown.length) : title;
    this.#shown = this.#count ? `(${this.#count > 99 ? "99+" : this.#count}) ` : "";
    // What is written is noticed as a change: nothing is written that is there already.
    if (title !== this.#shown + own) document.title = this.#shown + own;
  }
}
