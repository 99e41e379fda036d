/** Which tab speaks, of those that are seen: one, so that nothing pops up twice. */

export class OnlyTab {
  #name;
  #locks;
  #release = () => {};
  #holds = false;
  /** Counts turns, so that a lock that comes too late is given back. */
  #turn = 0;

  /** @param {string | null} name of all tabs of one person; null if that is not known @param {LockManager | undefined} locks */
  constructor(name, locks) {
    this.#name = name;
    this.#locks = locks;
  }

  /** Whether this is the one. Where tabs can't agree, it is the one that the person works in. */
  get mine() {
    if (!this.#name || !this.#locks) return document.hasFocus();
    return this.#holds && !document.hidden;
  }

  /** Take part in it while the page is seen. */
  look() {
    if (document.hidden) return this.leave();
    if (!this.#name || !this.#locks || this.#turn % 2) return;
    const turn = ++this.#turn;
    void this.#locks.request(this.#name, () => {
      if (turn !== this.#turn) return undefined;
      this.#holds = true;
      return new Promise((done) => (this.#release = () => done(undefined)));
    });
  }

  leave() {
    if (this.#turn % 2) this.#turn++;
    this.#holds = false;
    this.#release();
  }
}
