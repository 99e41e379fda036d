/**
 * What one tab has been told: up to which seq, and the counts. It takes each change once, in order.
 *
 * @typedef {"notification" | "updated" | "mailbox" | "reset"} Kind
 *
 * A frame says what leads from `prev` to `seq`, and leaves nothing out between them. That makes it
 * true for whoever hears it, by whatever way, at whatever time. `seq` is null for what another
 * service published, which has no place in the order.
 * @typedef {{kind: Kind, prev: number, seq: number | null, data: any, replayed: boolean}} Frame
 *
 * `new`: to be shown. `old`: known. `hole`: something between is missing.
 * @typedef {"new" | "old" | "hole"} Verdict
 */

export class Ledger {
  /** @type {number | null} */
  position = null;
  unread = 0;
  unseen = 0;
  #countedAt = 0;

  /** Where this tab's knowledge starts. @param {number} seq */
  begin(seq) {
    this.position = seq;
  }

  /** Take a frame in, if it continues what is known. @param {Frame} frame @returns {Verdict} */
  take({ kind, prev, seq, data }) {
    if (seq === null) return "new";
    if (kind === "reset") return this.#reset(seq, data);
    if (this.position !== null) {
      if (seq <= this.position) return "old";
      if (prev > this.position) return "hole";
    }
    this.position = seq;
    this.count(data);
    return "new";
  }

  /**
   * Take in the server's counts, from a frame or an answer; whichever is newer stands.
   * @param {any} state whatever has `seq`, `unread` and `unseen`
   */
  count(state) {
    const known = state && typeof state.unread === "number" && typeof state.unseen === "number";
    if (!known || !(state.seq >= this.#countedAt)) return;
    this.#countedAt = state.seq;
    this.unread = state.unread;
    this.unseen = state.unseen;
  }

  /** The counts and the seq that they belong to. */
  get counts() {
    return { seq: this.#countedAt, unread: this.unread, unseen: this.unseen };
  }

  /** @param {number} seq @param {any} data @returns {Verdict} */
  #reset(seq, data) {
    // A reset may be another tab's, which was further behind. Back to an older state goes everybody.
    const back = data.reason === "from-the-future";
    if (!back && this.position !== null && seq <= this.position) return "old";
    this.position = seq;
    if (back) this.#countedAt = seq;
    this.count(data);
    return "new";
  }
}
