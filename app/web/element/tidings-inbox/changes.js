/**
 * What the person does to the list: shown at once, and taken back with a word if the server refuses.
 *
 * @typedef {import("./items.js").Items} Items
 * @typedef {import("./items.js").Patch} Patch
 * @typedef {import("../../client/tidings.js").Notification} Notification
 *
 * @typedef {object} Listed what is changed
 * @property {() => Items} items
 * @property {() => {kind?: string, subject?: string}} filter
 * @property {() => void} changed
 * @property {() => void} mistrust The list may be wrong.
 * @property {(error: unknown) => void} refused
 */

export class Changes {
  #api;
  #clock;
  #list;

  /** @param {any} api a Tidings @param {import("../../client/tidings/clock.js").Clock} clock @param {Listed} list */
  constructor(api, clock, list) {
    this.#api = api;
    this.#clock = clock;
    this.#list = list;
  }

  /** @param {string} id */
  markRead(id) {
    if (this.#list.items().get(id)?.read_at) return Promise.resolve(true);
    return this.#change(id, { read_at: this.#now() }, () => this.#api.markRead(id));
  }

  /** @param {string} id */
  markUnread(id) {
    return this.#change(id, { read_at: null }, () => this.#api.markUnread(id));
  }

  /** @param {string} id */
  archive(id) {
    const patch = { archived_at: this.#now(), snoozed_until: null };
    return this.#change(id, patch, () => this.#api.archive(id));
  }

  /** @param {string} id */
  unarchive(id) {
    return this.#change(id, { archived_at: null }, () => this.#api.unarchive(id));
  }

  /** @param {string} id @param {Date} until */
  snooze(id, until) {
    const patch = { snoozed_until: until.toISOString(), archived_at: null };
    return this.#change(id, patch, () => this.#api.snooze(id, until));
  }

  /** @param {string} id */
  unsnooze(id) {
    return this.#change(id, { snoozed_until: null }, () => this.#api.unsnooze(id));
  }

  /** All that the person could see, and nothing that came after. @returns {Promise<boolean>} */
  async markAllRead() {
    const items = this.#list.items();
    const upTo = items.shownThrough;
    const patch = { read_at: this.#now() };
    const ids = items.rows.filter((row) => !row.read_at && row.seq <= upTo).map(({ id }) => id);
    const undo = ids.map((id) => items.wish(id, { ...patch }));
    this.#list.changed();
    try {
      await this.#api.markAllRead({ upTo, ...this.#list.filter() });
      for (const id of ids) items.settle(id, patch);
      return true;
    } catch (error) {
      this.#list.refused(error);
      return false;
    } finally {
      for (const takeBack of undo) takeBack();
      this.#list.changed();
    }
  }

  /** @param {string} id @param {Patch} patch @param {() => Promise<Notification>} ask */
  async #change(id, patch, ask) {
    const items = this.#list.items();
    const takeBack = items.wish(id, patch);
    this.#list.changed();
    try {
      const answer = await ask();
      if (!items.take(answer)) this.#list.mistrust();
      return true;
    } catch (error) {
      this.#list.refused(error);
      return false;
    } finally {
      takeBack();
      this.#list.changed();
    }
  }

  #now() {
    return new Date(this.#clock.now()).toISOString();
  }
}
