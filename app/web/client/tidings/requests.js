/**
 * What is asked of the REST API, in whose name, and what becomes of the answers.
 *
 * @typedef {import("./credentials.js").Who} Who
 *
 * @typedef {object} RequestEvents
 * @property {() => void} switched Somebody else has signed in.
 * @property {() => void} doubted Somebody else may have.
 * @property {(answer: any) => void} answered in the name of the user at hand
 * @property {() => void} refused The credentials have ended.
 */

import { asked } from "./asked.js";
import { clock } from "./clock.js";
import { send, TidingsError } from "./rest.js";

export class Requests {
  #url;
  #credentials;
  #whose;
  #on;

  /**
   * @param {URL} url
   * @param {import("./credentials.js").Credentials} credentials
   * @param {import("./whose.js").Whose} whose
   * @param {RequestEvents} on
   */
  constructor(url, credentials, whose, on) {
    this.#url = url;
    this.#credentials = credentials;
    this.#whose = whose;
    this.#on = on;
  }

  /** Ask, as whoever the user is now. @param {string} method @param {string} path @param {object} [body] */
  async request(method, path, body) {
    for (let attempt = 1; ; attempt++) {
      const who = await this.#credentials.who();
      if (this.#whose.isAnother(who.mark)) this.#on.switched();
      try {
        return await this.#send(who, method, path, body);
      } catch (error) {
        if (!(error instanceof TidingsError) || error.status !== 401) throw error;
        // A token that is fetched may have ended on its way; the next one should not have.
        if (!this.#credentials.renewable || attempt > 1) {
          if (this.#credentials.reachRest) this.#on.refused();
          throw error;
        }
      }
    }
  }

  /** What a new stream needs: fresh credentials, and where the mailbox is. @returns {Promise<import("./connection.js").Prepared>} */
  async prepare() {
    const who = await asked(() => this.#credentials.who(), clock);
    const { mark } = who;
    if (mark !== this.#whose.mark) {
      this.#on.switched();
      throw new TidingsError("Somebody else has signed in.");
    }
    const [query, mailbox] = await Promise.all([
      this.#ticket(who),
      this.#credentials.reachRest ? this.#send(who, "GET", "mailbox") : null,
    ]);
    return { query, mark: mailbox?.seq ?? null, still: () => !this.#credentials.changed(mark) };
  }

  /** A ticket, where cookies don't do. @param {Who} who @returns {Promise<Record<string, string>>} */
  async #ticket(who) {
    const own = this.#credentials.ticket;
    if (own) return { ticket: await asked(own, clock) };
    if (!who.token) return {};
    const { ticket } = await this.#send(who, "POST", "stream-tickets");
    return { ticket };
  }

  /** @param {Who} who @param {string} method @param {string} path @param {object} [body] */
  async #send({ mark, token }, method, path, body) {
    const answer = await send(new URL(path, this.#url).href, {
      method,
      headers: this.#credentials.headers(token, method),
      body,
      credentials: this.#credentials.mode,
    });
    if (this.#credentials.changed(mark)) {
      this.#on.doubted();
      throw new TidingsError("Somebody else has signed in meanwhile.");
    }
    this.#whose.remember(answer, mark);
    if (mark === this.#whose.mark) this.#on.answered(answer);
    return answer;
  }
}
