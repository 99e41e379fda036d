/**
 * One client's life: whose it is, where it starts, its stream, and how it ends.
 *
 * @typedef {import("./connection.js").State} State
 * @typedef {import("./credentials.js").Options} Options
 */

import { Backoff } from "./backoff.js";
import { canShare, opener, tabParts } from "./browser.js";
import { clock } from "./clock.js";
import { Credentials, groupName } from "./credentials.js";
import { Requests } from "./requests.js";
import { SharedStream } from "./shared-stream.js";
import { Standing } from "./standing.js";
import { watch } from "./surroundings.js";
import { Whose } from "./whose.js";

// The server takes a token for a little longer than it says, as clocks differ.
const LEEWAY_MS = 5_000;
const ASK_AGAIN_MS = 60_000;

export class Session {
  #url;
  #credentials;
  #whose;
  #requests;
  #standing;
  #backoff = new Backoff(Math.random);
  /** @type {SharedStream | null} */
  #stream = null;
  /** What the page listed before there was a stream. @type {Promise<any> | null} */
  #listed = null;
  /** Counts beginnings, so that late results of an earlier one are void. */
  #beginning = 0;
  /** Begin now, if a pause is under way. */
  #beginNow = () => {};
  /** When the server was last asked whether the token has ended. */
  #askedAt = 0;
  /** Closed or expired. */
  #over = false;
  #suspended = false;
  #paused = false;
  #unwatch;

  /** @param {Options} options @param {import("./standing.js").Tell} tell */
  constructor(options, tell) {
    this.#url = new URL(`${(options.url ?? "/api/v1").replace(/\/+$/, "")}/`, location.href);
    this.#credentials = new Credentials(options, this.#url);
    this.#standing = new Standing(tell);
    this.#whose = new Whose(this.#credentials);
    this.#requests = new Requests(this.#url, this.#credentials, this.#whose, {
      switched: () => this.#switchUser(),
      doubted: () => this.#sameUser(),
      answered: (answer) => this.#standing.count(answer),
      refused: () => this.#end("expired"),
    });
    this.#unwatch = watch(
      {
        tick: () => this.#whileSame(() => this.#check()),
        doubt: () => this.#whileSame(() => this.#stream?.doubt()),
        online: () => this.#whileSame(() => this.#hurry()),
        suspend: () => this.#suspend(),
        resume: () => this.#resume(),
      },
      clock,
    );
    // In a task of its own: a page that lists in the same breath starts where its list ends.
    clock.after(0, () => this.#beginning === 0 && this.#begin());
  }

  get state() {
    return this.#standing.state;
  }

  get since() {
    return this.#standing.since;
  }

  get ledger() {
    return this.#standing.ledger;
  }

  /** End it. Other tabs go on. */
  close() {
    this.#end("offline");
  }

  /** Let go of the stream, until `resume`. Other tabs go on. */
  pause() {
    if (this.#over || this.#paused) return;
    this.#paused = true;
    this.#leave();
    this.#standing.enter("offline");
  }

  /** Stream again, from where it was. */
  resume() {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#suspended) void this.#begin();
  }

  /** The page has listed; if there is no stream yet, it starts where that ends. @param {Promise<any>} listed */
  startAfter(listed) {
    if (this.#standing.ledger.position === null) this.#listed ??= listed.catch(() => null);
  }

  /** Ask the REST API, as whoever the user is now. @param {string} method @param {string} path @param {object} [body] */
  request(method, path, body) {
    return this.#requests.request(method, path, body);
  }

  async #begin() {
    if (this.#over || this.#paused) return;
    const beginning = ++this.#beginning;
    this.#beginNow = () => {};
    try {
      const { mark } = await this.#credentials.who();
      if (beginning !== this.#beginning) return;
      if (this.#whose.isAnother(mark)) this.#standing.forget();
      this.#whose.mark = mark;
      const start = await this.#start();
      const name = mark && canShare() ? await groupName(this.#url, mark) : null;
      if (beginning !== this.#beginning) return;
      // Between then and now the user may have changed, and `start` be another's.
      if (this.#credentials.changed(mark)) return this.#switchUser();
      this.#backoff = new Backoff(Math.random);
      if (start) {
        this.#listed = null;
        this.#standing.startAt(start);
      }
      this.#stream = this.#streamOf(name);
      this.#stream.start();
    } catch (error) {
      if (beginning === this.#beginning) this.#beginLater(/** @type {any} */ (error));
    }
  }

  /** Where the stream starts, and the counts; null if that is known already, or can't be. */
  async #start() {
    if (this.#standing.ledger.position !== null || !this.#credentials.reachRest) return null;
    const page = await this.#listed;
    if (page && this.#whose.owns(page)) return page;
    return this.request("GET", "mailbox");
  }

  /** @param {{status?: number, retryAfter?: number | null}} error */
  #beginLater({ status, retryAfter }) {
    if (status === 401 || status === 403) return this.#end("expired");
    this.#backoff.ended(0);
    const beginning = this.#beginning;
    const begin = () => beginning === this.#beginning && this.#begin();
    const cancel = clock.after(this.#backoff.delay((retryAfter ?? 0) * 1_000), begin);
    this.#beginNow = () => {
      cancel();
      begin();
    };
    this.#standing.enter("offline");
  }

  /** @param {string | null} name */
  #streamOf(name) {
    const parts = {
      open: opener(this.#url, this.#credentials.withCredentials),
      prepare: () => this.#requests.prepare(),
      readSeq: async () => (await this.request("GET", "mailbox")).seq,
      renewable: this.#credentials.renewable,
      tabs: name === null ? null : tabParts(name),
      clock,
      random: Math.random,
    };
    return new SharedStream(parts, this.#standing.ledger, {
      state: (state) => (state === "expired" ? this.#end(state) : this.#standing.enter(state)),
      told: (frame) => this.#standing.told(frame),
      wire: (wire) => this.#standing.wire(wire),
      counted: () => this.#standing.counted(),
      stranger: () => this.#switchUser(),
    });
  }

  /** Go on only if the user is still the same. @param {() => void} goOn */
  #whileSame(goOn) {
    if (this.#sameUser()) goOn();
  }

  #sameUser() {
    if (!this.#stream || !this.#whose.hasChanged) return true;
    this.#switchUser();
    return false;
  }

  /** Somebody else has signed in, or out: nothing of one user may be taken for another's. */
  #switchUser() {
    if (this.#over) return;
    this.#leave();
    this.#standing.forget();
    this.#whose.mark = undefined;
    this.#standing.counted();
    this.#standing.enter("connecting");
    if (!this.#suspended) void this.#begin();
  }

  #check() {
    this.#stream?.check();
    // Another tab's stream goes on with that tab's token; this one's may have ended. The server says
    // so, as this clock may be wrong.
    const now = clock.now();
    if (now > this.#credentials.endsAt + LEEWAY_MS && now > this.#askedAt + ASK_AGAIN_MS) {
      this.#askedAt = now;
      this.request("GET", "mailbox").catch(() => {});
    }
  }

  #hurry() {
    if (this.#stream) this.#stream.hurry();
    else this.#beginNow();
  }

  #suspend() {
    if (this.#suspended || this.#beginning === 0) return;
    this.#suspended = true;
    this.#leave();
  }

  #resume() {
    if (!this.#suspended || this.#over) return;
    this.#suspended = false;
    this.#standing.enter(this.#standing.state === "live" ? "offline" : this.#standing.state);
    void this.#begin();
  }

  #leave() {
    this.#beginning++;
    this.#stream?.stop();
    this.#stream = null;
  }

  /** @param {State} state */
  #end(state) {
    if (this.#over) return;
    this.#over = true;
    this.#leave();
    this.#unwatch();
    this.#standing.enter(state);
  }
}
